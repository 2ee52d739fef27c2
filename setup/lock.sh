#!/usr/bin/env bash
# Resolves requirements/*.in for every platform and Python >= 3.10, with hashes and without addresses; then the Nextflow jars.
# dev.txt holds everything; the two images' lists are cut from it, so that no version differs between them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../requirements"
uv="../.venv/bin/uv"
options=(--quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header --system-certs)

"$uv" pip compile "${options[@]}" "$@" dev.in -o dev.txt
for role in train report; do
    "$uv" pip compile "${options[@]}" "$@" --constraint dev.txt "$role.in" -o "$role.txt"
done
wc -l dev.txt train.txt report.txt
../.venv/bin/python ../setup/nextflow.py lock
