#!/usr/bin/env bash
# The demonstration: simulated brains, one search, its ranking. Needs the set-up (make demo does it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

say() { printf '[demo] %s\n' "$*"; }

data=data/phantoms
subjects=200

if [ ! -e "$data/participants.tsv" ]; then
    say "simulating $subjects brains in $data"
    tlpy simulate "$data" --subjects "$subjects"
fi
say "nextflow run . -params-file assets/examples/demo.yaml"
# It ends with the top of the leaderboard and where the report lies. A second call takes what the first one left.
resume=''
if [ -s .nextflow/history ]; then resume=-resume; fi
nextflow run . -params-file assets/examples/demo.yaml $resume
say "done in $SECONDS s; for more:  . .venv/bin/activate"
