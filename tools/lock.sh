#!/usr/bin/env bash
# Writes requirements.lock (everything) and docker/requirements.lock (what the daemon needs) from pyproject.toml.
# Pins stay as they are unless pyproject.toml asks for others; `make lock UPGRADE=1` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9
uv_venv=build/uv-$uv_version
if [ ! -x "$uv_venv/bin/uv" ]; then
    "${PYTHON:-python3}" -m venv "$uv_venv"
    "$uv_venv/bin/python" -m pip install --quiet "uv==$uv_version"
fi

compile() {
    "$uv_venv/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-emit-index-url --no-emit-find-links "$@"
}

compile --all-extras ${UPGRADE:+--upgrade} -o requirements.lock
compile --extra local --extra postgres -c requirements.lock --no-annotate -o docker/requirements.lock
