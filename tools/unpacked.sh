#!/usr/bin/env bash
# Prints the path of a program that the tests run: tools/unpacked.sh PACKAGE PROGRAM. If it is not installed, the
# Debian package is unpacked into build/: to install it would start a server.
set -euo pipefail
cd "$(dirname "$0")/.."
package=$1 program=$2

if PATH=$PATH:/usr/sbin command -v "$program"; then
    exit
fi
unpacked=$PWD/build/$package
found() { compgen -G "$unpacked/usr/*bin/$program" | head -n 1; }
if [ -z "$(found)" ]; then
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get download -qq "$package" >&2 && dpkg -x "$package"_*.deb . && rm "$package"_*.deb)
fi
found
