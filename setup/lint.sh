#!/usr/bin/env bash
# All static checks, each named before it runs; stops at the first that fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

step() { printf '[lint] %s\n' "$*"; "$@"; }

step ruff check --quiet .
step ruff format --check --quiet .
step mypy --no-error-summary
for script in setup/*.sh .ci/run; do bash -n "$script"; done

sources=()
for source in main.nf workflows subworkflows modules conf nextflow.config tests/*.nf; do
    if [ -e "$source" ]; then sources+=("$source"); fi
done
if ! step nextflow lint -o concise "${sources[@]}"; then
    # Where a script has an error, lint of 25.04 may end on "getWarnings() is null" in its place; the parser itself shows it.
    NXF_SYNTAX_PARSER=v2 nextflow run . -preview -profile test || true
    exit 1
fi
