#!/usr/bin/env bash
# Format, lint, types and the whole suite. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install.sh test
.venv/bin/ruff format --check .
.venv/bin/ruff check .
# Types beside the tests: alone they would leave a core idle.
.venv/bin/mypy & types=$!
tests=0
.venv/bin/python -m pytest --numprocesses 2 --dist worksteal "$@" || tests=$?
wait "$types" || { echo "mypy: see its errors above" >&2; exit 1; }
exit "$tests"
