#!/usr/bin/env bash
# From a fresh clone to a trained model and its report. Takes the overrides of
# `jaxrl train`, such as --steps 10.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
# Huge pages for large arrays: a tenth of a training step on a CPU (glibc only).
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
exec .venv/bin/jaxrl train quickstart \
  --output.directory "runs/quickstart-$(date +%Y%m%d-%H%M%S)" "$@"
