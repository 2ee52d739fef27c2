#!/usr/bin/env bash
# nf-test where there is one, then pytest, whose closing line is the last that is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
# Tests run side by side: one thread each, or they trample on each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

if ! command -v nf-test >/dev/null 2>&1; then
    echo "[test] nf-test is not installed: skipped (pytest drives the real pipeline)"
elif [ "$#" -eq 0 ]; then
    nf-test test --ci
fi
workers="$(python -c 'import os; print(min(4, os.cpu_count() or 1))')"
exec python -m pytest --numprocesses "$workers" --dist loadfile "$@"
