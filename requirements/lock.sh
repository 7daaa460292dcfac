#!/bin/sh
# Writes the files of requirements/locked/ anew: the pins of the constraints with the SHA-256 of each of their files.
# Needs uv on the PATH (pip install uv). A changed hash for a version that stands is a file that was replaced: look first.
set -e
cd "$(dirname "$0")/.."
mkdir -p requirements/locked
lock() {
  out=requirements/locked/$1.txt constraints=$2
  shift 2
  uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade \
    --python-version 3.10 --constraint "$constraints" --output-file "$out" requirements/build.in "$@"
}
four=$(mktemp)
awk -F '==' 'FNR == NR { if (NF > 1) own[$1] = 1; print; next } !($1 in own)' \
  requirements/constraints-spark4.txt requirements/constraints.txt > "$four"
lock build requirements/constraints.txt
lock local requirements/constraints.txt pyproject.toml --extra local
lock image requirements/constraints.txt pyproject.toml --extra image
lock dev requirements/constraints.txt pyproject.toml --extra dev
lock simulate-event-hubs requirements/constraints.txt pyproject.toml --extra dev --extra simulate-event-hubs
lock spark4 "$four" pyproject.toml --extra local-spark4 --extra tests
rm "$four"
