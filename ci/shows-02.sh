#!/usr/bin/env bash
# Shows, from a fresh clone, that a real Argo CD and our own engine follow the pointers, that a bad release comes
# back by itself, and that kills, hangs, hostile pointers and outages change nothing of that: at full sizes.
# Prints every command before it runs, and ends at the first one that does not do what it should.
#
# `ci/shows-02.sh` clones the commit at HEAD; what is not committed is not shown. It takes over an hour.
# `ci/shows-02.sh 3 8` shows these alone.
# ORZ_SHOWS_TARGET names a build folder to reuse; without it everything is built anew.
# ORZ_SHOWS_TENANTS is the size of the benchmark of latency (1000).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=${ORZ_SHOWS_TARGET:-$work/target}
export ORZ_SCENARIO_SIZE=full
unset ORZ_SOURCE ORZ_GITOPS ORZ_FORMAT ORZ_TARGET ORZ_ACTOR KUBECONFIG

wanted=" $* "
title() { printf '\n== %s. %s\n' "$1" "$2"; }
# Whether a number was asked for.
asked() { [ "$wanted" = '  ' ] || [[ $wanted == *" $1 "* ]] || return 1; title "$@"; }
# Prints and runs a command.
run() {
  printf '$ %s\n' "$*"
  "$@"
}
# A file of scenarios, or those of it whose names hold a word; both engines unless the word says one.
scenario() {
  run cargo test --quiet --locked --package orz-scenario-tests --test "$1" -- --nocapture "${@:2}"
}

title 0 'A fresh clone'
run git clone --quiet "$root" "$work/clone"
cd "$work/clone"
run git log --oneline -1

if asked 1 'A bundle goes live through Argo CD and through our engine, is verified, and a person takes it back'; then
  scenario rollback goes_live
fi
if asked 2 'A release that does not become healthy is taken back by a commit that says why'; then
  scenario rollback bad_release
fi
if asked 3 'A sync that hangs is ended, and its job is not run again'; then
  scenario hang
fi
if asked 4 'Latency, beside a poked ApplicationSet; and every kind is in sync and left alone for a minute'; then
  run env ORZ_TEST_QUIET=60 cargo test --quiet --locked --package orz-cluster-tests --test argocd_engine every_kind -- --nocapture
  run ci/bench-latency.sh --tenants "${ORZ_SHOWS_TENANTS:-1000}"
fi
if asked 5 'A broken or hostile pointer stops its own tenant and nobody else'; then
  scenario broken_pointers
fi
if asked 6 'A tenant is retired in order, and destroyed with a reason'; then
  scenario leave
  scenario retire
fi
if asked 7 'Killed at a hundred instants, the reconciler ends where it would have ended; Argo CD too'; then
  scenario kills
fi
if asked 8 'An outage sets the brake, and a person lifts it'; then
  scenario brake
fi
if asked 9 'A volume that waits for its first consumer, and the app that uses it'; then
  scenario volumes
fi
if asked 10 'Stale health verifies nothing, and neither does a clock that jumps'; then
  scenario stale
  run cargo test --quiet --locked --package orz-reconciler --lib clock
fi
if asked 11 'The timings of the judgement are a release of the platform, and come back like any other'; then
  scenario platform
fi
if asked 12 'An API server that stands still takes nothing back, and status says what nobody sees'; then
  scenario outage
fi
