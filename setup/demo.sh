#!/usr/bin/env bash
# The demonstration: simulated brains, one search, its ranking. Needs the set-up (make demo does it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

say() { printf '\033[1m[demo]\033[0m %s\n' "$*"; }

subjects="${SUBJECTS:-200}"
data=data/phantoms
results=results/demo

if [ ! -e "$data/participants.tsv" ]; then
    say "simulating $subjects brains in $data"
    tlpy simulate "$data" --subjects "$subjects"
fi
say "nextflow run . -params-file assets/examples/demo.yaml"
started=$SECONDS
nextflow run . -params-file assets/examples/demo.yaml -resume
say "searched in $((SECONDS - started)) s"
echo
python setup/show_leaderboard.py "$results"
