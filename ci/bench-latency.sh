#!/usr/bin/env bash
# How long a pointer commit takes to be live through a real Argo CD, with our reconciler and with ApplicationSets
# that are poked; see docs/benchmarks.md. It measures and never judges: it fails only when it cannot run.
#
# ci/bench-latency.sh [--tenants N] [--rounds R] [--json]
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --quiet -p orz-latency -p orz-reconciler
exec "${CARGO_TARGET_DIR:-target}/release/orz-latency" "$@"
