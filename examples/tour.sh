#!/bin/sh
# The main job, from nothing to a live tenant to a change to a rollback, on a copy of
# examples/orchestrator. Needs Rust and Git; no cluster. Leaves nothing behind.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cargo build --quiet --package orzc
case ${CARGO_TARGET_DIR:-target} in
  /*) PATH=$CARGO_TARGET_DIR/debug:$PATH ;;
  *) PATH=$root/${CARGO_TARGET_DIR:-target}/debug:$PATH ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -R examples/orchestrator "$work/source"
cd "$work/source"

# Who acts stands in the commits; a machine that is only trying things out may have no Git user.
# Nothing else of the user's settings has a say: signing, for one, could ask for a key.
GIT_AUTHOR_NAME=$(git config user.name || echo Visitor)
GIT_AUTHOR_EMAIL=$(git config user.email || echo visitor@example.com)
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
ORZ_ACTOR=$GIT_AUTHOR_NAME
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL ORZ_ACTOR
export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM
unset ORZ_SOURCE ORZ_GITOPS ORZ_FORMAT ORZ_TARGET ORZ_REQUEST_ID GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

say() { printf '\n# %s\n' "$*"; }

# Prints a command, then runs it. `plan` says by its exit code that there are changes: 2, or 3 with deletions.
run() {
  printf '$ %s\n' "$1"
  code=0
  eval "$1" || code=$?
  case $1:$code in
    *:0 | "orzc plan"*:[23]) ;;
    *) exit "$code" ;;
  esac
}

say 'A source repository is JSON bundles, a folder for each tenant.'
run 'git init -q -b main && git add -A && git commit -q -m "the example"'
run 'cat tenants/buildos-dev/bundle.json'

say 'A GitOps repository beside it will hold what is compiled: releases, and pointers to those that are live.'
run 'orzc init'

say 'Compile, publish, activate, and make a directory follow.'
run 'orzc up --once --target dir:../live'
run 'ls -F ../live/in-cluster/ ../live/in-cluster/buildos-dev/work/'

say 'A change: a second version of a config, and it is the active one.'
cat > "$work/v2.json" <<'V2'
{
  "configs": [{ "name": "default", "version": "v2", "data": { "foo": "baz" }, "activate": true }]
}
V2
run 'sed "s/, \"activate\": true//" tenants/buildos-dev/bundle.json > ../v1.json && mv ../v1.json tenants/buildos-dev/bundle.json'
run 'mv ../v2.json tenants/buildos-dev/config-v2.json && cat tenants/buildos-dev/config-v2.json'
run 'git add -A && git commit -q -m "foo is baz"'

say 'What would it change? Exact and offline: release against release.'
run 'orzc plan --tenant buildos-dev --out ../plan.json'

say 'Exactly that, or nothing.'
run 'orzc publish --activate --plan ../plan.json --reason "foo is baz now"'
run 'orzc up --once --target dir:../live'

say 'A rollback moves a pointer and compiles nothing.'
run 'orzc rollback buildos-dev --reason "baz was wrong"'
run 'orzc up --once --target dir:../live'
run 'orzc status --target dir:../live'

say 'Who did what, when and why is the log of the GitOps repository.'
run 'orzc history buildos-dev'

say 'The GitOps repository alone proves what is live: its inputs compile to the same bytes.'
run 'orzc verify --recompile'
