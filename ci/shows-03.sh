#!/usr/bin/env bash
# Shows, from a fresh clone, that kills, races, faults of disk and remote, stale replicas and hostile input lose
# nothing, and what it all costs: at full sizes.
# Prints every command before it runs, and ends at the first one that does not do what it should.
#
# `ci/shows-03.sh` clones the commit at HEAD; what is not committed is not shown. It takes about three hours.
# `ci/shows-03.sh 3 4` shows these alone.
# ORZ_SHOWS_TARGET names a build folder to reuse; without it everything is built anew.
# ORZ_SHOWS_TENANTS is the size of the benchmark (10000), ORZ_SHOWS_FUZZ seconds for each fuzz target (600).
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
# The tests of a target of a package whose names hold one of these words. No such test is an error.
tests() {
  local log
  log=$(mktemp -p "$work")
  run cargo test --quiet --locked --package "$1" --test "$2" -- --nocapture "${@:3}" 2>&1 | tee "$log"
  grep -q '^test result: ok\. [1-9]' "$log"
}

title 0 'A fresh clone'
run git clone --quiet "$root" "$work/clone"
cd "$work/clone"
run git log --oneline -1

if asked 1 'Killed at every call that changes a file, a publish leaves the old or the new state'; then
  tests orz-fault-tools tool
  tests orzc cli kills::
fi
if asked 2 'Publishers race: all that may go live do, and what is older is refused'; then
  tests orzc cli crowd:: sources::
  tests orz-gitops it concurrent:: remote::races
fi
if asked 3 'Disk and remote fail: a clear error, nothing half-written, and the right state afterwards'; then
  tests orzc cli room:: away:: remote::
  tests orz-gitops it remote::faults remote::offline
fi
if asked 4 'A replica that stood still and lost its lease is refused at its first write'; then
  tests orz-scenario-tests replicas
fi
if asked 5 'What it costs, each beside its bound'; then
  run ci/bench.sh --tenants "${ORZ_SHOWS_TENANTS:-10000}"
fi
if asked 6 'Fuzzed for ten minutes a target; a dozen incidents end as their pages say'; then
  tests orz-runbook-tests incidents
  run ci/fuzz.sh "${ORZ_SHOWS_FUZZ:-600}"
fi
