#!/usr/bin/env bash
# What the main paths cost on this machine, each beside a physical bound of the same run; see tests/bench/README.md.
# Prints one table (`--json` for programs). It measures and never judges: it fails only when it cannot run.
#
# ci/bench.sh [--tenants N] [--commits M] [--only SECTION]... [--json]
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --quiet -p orz-bench -p orzc
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then commit="$commit, changed"; fi
exec "${CARGO_TARGET_DIR:-target}/release/orz-bench" --commit "$commit" "$@"
