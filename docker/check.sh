#!/bin/sh
# What the image's HEALTHCHECK runs: the proxy answers. Usage: check.sh [PYTHON]
set -eu
exec "${1:-python3}" - <<'PYTHON'
import os, urllib.request
port = os.environ.get("CACHEBACK_PORT") or "8080"
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
    f"http://127.0.0.1:{port}/healthz", timeout=5
)
PYTHON
