#!/usr/bin/env bash
# How long a pointer commit takes to be live through a real Argo CD, with our reconciler and with ApplicationSets
# that are poked; see docs/benchmarks.md. It measures and never judges: it fails only when it cannot run.
#
# ci/bench-latency.sh [--tenants N] [--rounds R] [--ours] [--json]
# ORZ_BENCH_PROFILE=dev takes the development build, where optimizing takes too long; the report names the build.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${ORZ_BENCH_PROFILE:-release}
folder=$profile
if [ "$profile" = dev ]; then folder=debug; fi
cargo build --profile "$profile" --locked --quiet -p orz-latency -p orz-reconciler
exec "${CARGO_TARGET_DIR:-target}/$folder/orz-latency" "$@"
