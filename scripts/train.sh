#!/usr/bin/env bash
# `jaxrl train` in the project's environment: train.sh NAME [overrides]
set -euo pipefail
bash "$(dirname "$0")/install.sh"
exec "$(dirname "$0")/../.venv/bin/jaxrl" train "$@"
