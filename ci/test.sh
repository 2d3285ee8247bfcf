#!/usr/bin/env bash
# Runs every test, the ones on a real Kubernetes control plane included, and says how many ran.
#
# Needs Rust, Go and Git. The control plane is built once from Go modules into a cache folder
# (about five minutes, see tests/tools); after that it starts in seconds.
# Arguments are handed to `cargo test`, for example: ci/test.sh -p orz-gitops
set -uo pipefail
cd "$(dirname "$0")/.." || exit 70

for tool in cargo go git; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "ci/test.sh: \`$tool\` is not on PATH; the tests need Rust, Go and Git" >&2
    exit 70
  fi
done

scope=("$@")
[ ${#scope[@]} -gt 0 ] || scope=(--workspace)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

cargo test --no-fail-fast --locked "${scope[@]}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# Each test binary closes with `test result: ok. N passed; N failed; N ignored; …`.
read -r passed failed ignored binaries < <(awk '
  /^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^ignored/) g += $i } b++ }
  END { print p + 0, f + 0, g + 0, b + 0 }' "$log")

echo
echo "$binaries test binaries ran"
if [ "$ignored" -gt 0 ]; then
  echo "$ignored tests were ignored, which this project does not allow" >&2
  status=1
fi
if [ "$passed" -eq 0 ]; then
  echo "no test ran" >&2
  status=1
fi
echo "$passed passed, $failed failed"
exit "$status"
