#!/usr/bin/env bash
# Shows, from a fresh clone, that a bundle becomes a release, goes live, changes and comes back.
# Prints every command before it runs, and ends at the first one that does not do what it should.
#
# `ci/shows-01.sh` clones the commit at HEAD; what is not committed is not shown.
# ORZ_SHOWS_TARGET names a build folder to reuse; without it everything is built anew.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=${ORZ_SHOWS_TARGET:-$work/target}
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
unset ORZ_SOURCE ORZ_GITOPS ORZ_FORMAT ORZ_TARGET ORZ_ACTOR KUBECONFIG
git config --file "$work/gitconfig" user.name Visitor
git config --file "$work/gitconfig" user.email visitor@example.com
git config --file "$work/gitconfig" init.defaultBranch main

title() { printf '\n== %s\n' "$*"; }
# Prints and runs a command that must end with the exit code EXPECT (0 unless set).
run() {
  printf '$ %s\n' "$*"
  local code=0
  eval "$*" || code=$?
  if [ "$code" -ne "${EXPECT:-0}" ]; then
    printf 'exit %s, expected %s: %s\n' "$code" "${EXPECT:-0}" "$*" >&2
    exit 1
  fi
}
same() { [ "$1" = "$2" ] || { printf 'differs: %s and %s (%s)\n' "$1" "$2" "$3" >&2; exit 1; }; printf 'same %s: %s\n' "$3" "$1"; }

title 'A fresh clone'
run git clone --quiet "$root" "$work/clone"
cd "$work/clone"
run git log --oneline -1

title '1. From nothing to a live tenant, a change, its plan, its activation and its rollback'
run cargo build --quiet --locked --package orzc
start=$(date +%s%N)
run examples/tour.sh
printf 'the tour took %s ms, a check by cargo that nothing is to be built included\n' $((($(date +%s%N) - start) / 1000000))
PATH=$CARGO_TARGET_DIR/debug:$PATH

title '3. The smallest bundle compiles unchanged; a real API server accepts every object'
run cmp examples/orchestrator/tenants/buildos-dev/bundle.json tests/fixtures/ok/seed-orchestrator/in/tenants/buildos-dev/bundle.json
run orzc --source examples/orchestrator check
run orzc --source examples/app-platform check
run cargo test --quiet --locked --package orz-cluster-tests --test strict -- --nocapture

title '4. The engine `apply` on a real API server'
run cargo test --quiet --locked --package orzc --test cluster -- --nocapture
run cargo test --quiet --locked --package orz-cluster-tests --test apply_engine

title '5. Equal input, equal commit: two clones, shuffled files, two time zones and locales'
publish() { # clone, time zone, locale
  TZ=$2 LC_ALL=$3 orzc --source "$1/source" init --gitops "$1/gitops.git" >/dev/null 2>&1
  TZ=$2 LC_ALL=$3 orzc --source "$1/source" --gitops "$1/gitops.git" publish --activate --reason shown >/dev/null 2>&1
  git -C "$1/gitops.git" ls-tree -r --name-only releases -- tenants | sort
}
mkdir "$work/a" "$work/b"
run cp -R examples/app-platform "$work/a/source"
run "git -C $work/a/source init -q && git -C $work/a/source add -A && git -C $work/a/source commit -q -m state"
run git clone --quiet "$work/a/source" "$work/b/source"
# The same content in files of other names, made in another order.
(cd "$work/b/source/tenants/acme/projects/shop" && mv apps.json zz.json && mv settings.json aa.json && mv zz.json late.json)
same "$(publish "$work/a" Pacific/Kiritimati C)" "$(publish "$work/b" America/Nome de_DE.UTF-8)" 'releases on both'
before=$(cd "$work/a/gitops.git" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
run orzc --source "$work/a/source" --gitops "$work/a/gitops.git" publish --activate --reason again
same "$before" "$(cd "$work/a/gitops.git" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)" 'bytes of the repository after publishing unchanged input'
run git -C "$work/a/gitops.git" fsck --strict
run orzc --gitops "$work/a/gitops.git" verify --recompile
run cargo test --quiet --locked --package orz-gitops --test it
run cargo test --quiet --locked --package orzc --test cli tamper

title '6. Bad input: distinct cases with their exact diagnostics'
cases=$(find tests/fixtures/bad -mindepth 1 -maxdepth 1 -type d | wc -l)
printf '%s cases of bad input\n' "$cases"
[ "$cases" -ge 25 ]
run cargo test --quiet --locked --package orz-compiler --test fixtures
EXPECT=1 run orzc --source tests/fixtures/bad/many-errors-in-one-file/in check

title '2. All tests'
run ci/test.sh
