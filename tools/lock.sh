#!/usr/bin/env bash
# Writes requirements.lock (everything), and of it docker/requirements.lock (what the daemon needs) and
# docker/build.lock (what builds its wheels), from pyproject.toml and docker/build.in.
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
    "$uv_venv/bin/uv" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-emit-index-url --no-emit-find-links "$@"
}

compile pyproject.toml --all-extras ${UPGRADE:+--upgrade} -o requirements.lock
compile pyproject.toml --extra local --extra postgres -c requirements.lock --no-annotate -o docker/requirements.lock
compile docker/build.in -c requirements.lock --no-annotate -o docker/build.lock
