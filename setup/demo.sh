#!/usr/bin/env bash
# The demonstration: simulated brains, few labels, one search, its ranking. Needs the set-up (make demo does it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

say() { printf '[demo] %s\n' "$*"; }

simulate() { # folder, subjects, seed
    if [ ! -e "$1/participants.tsv" ]; then
        say "simulating $2 brains in $1"
        tlpy simulate "$1" --subjects "$2" --seed "$3"
    fi
}
simulate data/demo/phantoms 200 0
simulate data/demo/volunteers 200 2
say "nextflow run . -params-file assets/examples/demo.yaml"
# It ends with the top of the leaderboard and where the report lies. A second call takes what the first one left.
resume=''
if [ -s .nextflow/history ]; then resume=-resume; fi
nextflow run . -params-file assets/examples/demo.yaml $resume
say "done in $SECONDS s; for more:  . .venv/bin/activate"
