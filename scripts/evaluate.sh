#!/usr/bin/env bash
# `jaxrl evaluate` in the project's environment: evaluate.sh RUN [overrides]
set -euo pipefail
bash "$(dirname "$0")/install.sh"
exec "$(dirname "$0")/../.venv/bin/jaxrl" evaluate "$@"
