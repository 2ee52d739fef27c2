#!/usr/bin/env bash
# Prints the Python that `.venv` is made with: $PYTHON if set, else the first on PATH that is 3.10 or newer.
set -eu

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    if fits "$PYTHON"; then command -v "$PYTHON"; exit 0; fi
    echo "PYTHON=$PYTHON is no Python >= 3.10." >&2
    exit 1
fi
for name in python3 python3.11 python3.12 python3.13 python3.10 python; do
    if command -v "$name" >/dev/null 2>&1 && fits "$name"; then command -v "$name"; exit 0; fi
done
echo "No Python >= 3.10 on PATH. Install one, or name it: make demo PYTHON=/path/to/python3" >&2
exit 1
