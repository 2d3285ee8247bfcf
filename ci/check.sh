#!/usr/bin/env bash
# What every commit must pass: formatting, lints without a warning, dependencies, and the tests that are done in minutes.
# `ci/check.sh --no-tests` leaves the tests out.
set -euo pipefail
cd "$(dirname "$0")/.."

run() { echo "\$ $*"; "$@"; }

run cargo fmt --all --check
run cargo clippy --workspace --all-targets --locked -- -D warnings
if command -v cargo-deny >/dev/null 2>&1; then
  run cargo deny --log-level error check bans licenses sources
  # Advisories need their database from the network; without it the rest must still be checked.
  if cargo deny fetch db >/dev/null 2>&1; then
    run cargo deny --log-level error check advisories
  else
    echo "the advisory database cannot be fetched: advisories are NOT checked" >&2
  fi
else
  echo "cargo-deny is not installed: licences and advisories are NOT checked (cargo install cargo-deny)" >&2
fi
if [ "${1:-}" != --no-tests ]; then
  run ci/test.sh --workspace --exclude orz-cluster-tests --exclude orz-scenario-tests
fi
