#!/usr/bin/env bash
# Prints the path of nginx, the proxy that the tests put before the daemon. If it is not installed, the Debian
# package is unpacked into build/: to install it would start a server.
set -euo pipefail
cd "$(dirname "$0")/.."

if PATH=$PATH:/usr/sbin command -v nginx; then
    exit
fi
unpacked=$PWD/build/nginx
if [ ! -x "$unpacked/usr/sbin/nginx" ]; then
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get download -qq nginx >&2 && dpkg -x nginx_*.deb . && rm nginx_*.deb)
fi
echo "$unpacked/usr/sbin/nginx"
