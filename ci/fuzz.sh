#!/usr/bin/env bash
# Fuzzes each target for some seconds, on nightly. What is asserted stands in `fuzz/src/`.
#
#   ci/fuzz.sh [SECONDS [TARGET…]]     10 seconds and all targets unless told otherwise
#
# New inputs are kept under the build folder, so that the next run goes on from them; the committed corpus is only read.
# Needs nightly Rust, cargo-fuzz and a C++ compiler. The committed corpus is replayed by `cargo test` without them.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
shift || true
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
  echo "ci/fuzz.sh: \`$seconds\` is no number of seconds" >&2
  exit 64
fi

missing=()
rustup run nightly rustc --version >/dev/null 2>&1 || missing+=("nightly Rust (rustup toolchain install nightly --profile minimal)")
command -v cargo-fuzz >/dev/null 2>&1 || missing+=("cargo-fuzz (cargo install cargo-fuzz --locked)")
command -v c++ >/dev/null 2>&1 || missing+=("a C++ compiler")
if [ ${#missing[@]} -gt 0 ]; then
  printf 'ci/fuzz.sh: NOTHING IS FUZZED, this is missing: %s\n' "${missing[@]}" >&2
  exit 70
fi

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for program in fuzz/fuzz_targets/*.rs; do
    targets+=("$(basename "$program" .rs)")
  done
fi

build=${CARGO_TARGET_DIR:-$PWD/fuzz/target}/fuzz
grown=$build/corpus
mkdir -p "$grown"

# Keys and words of every format, from the schemas that are compared in a test, and what gives JSON its shape.
dictionary=$build/words.dict
{
  grep -ohE '"[$A-Za-z0-9_./-]+"' schemas/*.json | sort -u | sed -e 's/"//g' -e 's/.*/"\\"&\\""/'
  printf '"%s"\n' '\":' '{}' '[]' '[{' '}]' '},{' ',\"' 'true' 'false' 'null' '\x00' '://' 'https://' '.example.com' '@sha256:' '- ' ': ' '|-\x0a' '\xef\xbb\xbf' '\\u202e' '\\ud83d\\ude00'
} >"$dictionary"

cargo +nightly fuzz build --fuzz-dir fuzz --target-dir "$build" --sanitizer none
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
failed=()
for target in "${targets[@]}"; do
  mkdir -p "$grown/$target" "fuzz/artifacts/$target"
  echo
  echo "== $target: $seconds s"
  # The sanitizers look for faults of unsafe code, of which there is none here, and would halve the speed.
  "$build/$host/release/$target" "$grown/$target" "fuzz/corpus/$target" \
    -artifact_prefix="fuzz/artifacts/$target/" -dict="$dictionary" -max_total_time="$seconds" \
    -timeout=20 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 2>&1 |
    grep -vE '^(#[0-9]+|WARNING: Failed to find function|[[:space:]]*NEW_FUNC|DE: |"|#####)' || failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
  echo "ci/fuzz.sh: failed: ${failed[*]}; inputs that break an invariant are in fuzz/artifacts/" >&2
  exit 1
fi
