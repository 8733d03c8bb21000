#!/usr/bin/env bash
# jaxrl beside Tunix and TRL, alternately, on the same shapes and weights. From a fresh
# clone: makes an environment for each (.benchmark/, about 3 GB). Options go to
# scripts/benchmark/coordinator.py: --models 5m --jobs train_full --rounds 3 --quick ...
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh
# environment NAME PACKAGES...: installed in steps, one argument each.
environment() {
  local directory=".benchmark/$1" stamp=".benchmark/$1/installed"
  shift
  if [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
    "${PYTHON:-python3}" -m venv "$directory"
    for packages in "$@"; do
      # shellcheck disable=SC2086 # several packages in one step
      "$directory/bin/python" -m pip install -q $packages
    done
    echo "$*" > "$stamp"
  fi
}
mkdir -p .benchmark
environment tunix "google-tunix==0.1.7 jax<0.11.1"
# torch first: what trl would pull may be a build for GPUs.
environment trl "torch==2.13.0" "trl==1.16.0"
exec .venv/bin/python -m scripts.benchmark.coordinator "$@"
