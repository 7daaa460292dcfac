#!/bin/sh
# try_wheel.sh PYTHON FOLDER WHEELS: builds the wheel with that Python's hatchling into WHEELS, installs it without extras in a
# venv of its own in FOLDER, imports the package and runs its commands outside the repository, then adds an extra as the
# messages of the package name it.
set -eu
cd "$(dirname "$0")/.."
python=$1 folder=$2 wheels=$3
rm -rf "$folder"
mkdir -p "$folder/elsewhere" "$wheels"
folder=$(cd "$folder" && pwd) wheels=$(cd "$wheels" && pwd)
rm -f "$wheels"/ad_stream-*.whl
"$python" -m hatchling build -t wheel -d "$wheels" > /dev/null 2>&1 || "$python" -m hatchling build -t wheel -d "$wheels"
"$python" -m venv "$folder/venv"
# The pins are those of the tests' environment; what a bare installation takes of them is decided by the wheel.
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints" "$@"; }
constraints=$PWD/requirements/constraints.txt
pip "$wheels"/ad_stream-*.whl
cd "$folder/elsewhere"
bin=$folder/venv/bin
"$bin/ad-stream" --help > help.txt
grep -q Usage help.txt
version=$("$bin/python" -c 'import ad_stream; print(ad_stream.__version__)')
test "$("$bin/ad-stream" --version)" = "ad-stream $version"
"$bin/python" - << 'END'
import pathlib
import sys

import pandas

import ad_stream

files = pathlib.Path(ad_stream.__file__).parent
assert "elsewhere" not in str(files) and files.parent.name == "site-packages", files
assert (files / "py.typed").exists()
values = [20.0 + (k % 7) for k in range(60)] + [90.0]
times = pandas.date_range("2026-01-01", periods=61, freq="min")
verdicts = ad_stream.detect(pandas.DataFrame({"timestamp": times, "value": values}), device=None)
assert bool(verdicts.is_anomaly.iloc[-1]) and not {"pyspark", "fastapi", "plotly"} & set(sys.modules), verdicts.tail()
END
seq 1 90 | awk '{ printf "%d,%d\n", 1772431200 + 60 * $1, $1 == 80 ? 90 : 20 + $1 % 7 }' > pump.csv
"$bin/ad-stream" detect pump.csv --out pump.html > answer.txt
grep -q "above the expected band" answer.txt && grep -q "</html>" pump.html
# Nothing is published, so this can only work out of the wheel that is installed.
pip 'ad-stream[serve]'
"$bin/python" -c 'import fastapi, uvicorn'
echo "ad_stream $version: wheel built, installed bare, run, and with an extra: $(echo "$wheels"/ad_stream-*.whl)"
