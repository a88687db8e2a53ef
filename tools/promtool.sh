#!/usr/bin/env bash
# Prints the path of promtool, Prometheus' own checker. If it is not installed, the Debian package is unpacked
# into build/: to install it would start a server.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v promtool; then
    exit
fi
unpacked=$PWD/build/promtool
if [ ! -x "$unpacked/usr/bin/promtool" ]; then
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get download -qq prometheus >&2 && dpkg -x prometheus_*.deb . && rm prometheus_*.deb)
fi
echo "$unpacked/usr/bin/promtool"
