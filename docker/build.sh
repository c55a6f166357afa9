#!/bin/sh
# The build stage: cacheback and all it needs in a virtual environment of its own, hnswlib compiled.
# Usage: build.sh SOURCE VENV
set -eu
source=$1 venv=$2
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --no-cache-dir "$source[proxy,otel,hnsw]"
"$venv/bin/pip" uninstall --quiet --yes pip setuptools
