#!/usr/bin/env bash
# Makes .venv from requirements.lock and installs agentvoice into it, editable.
# Does nothing when the lock and pyproject.toml are those it last installed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

is_new_enough() {
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 python3.13 python3.14; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is wanted, none was found. Name one with: make setup PYTHON=/path/to/python3"
}

# Debian and Ubuntu ship venv without ensurepip unless python3-venv is installed.
require_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    command -v apt-get >/dev/null || fail "$1 has no venv module; install it with your system's package manager"
    if [ "$(id -u)" -ne 0 ]; then
        fail "$1 has no venv module. Install it, then try again: sudo apt-get update && sudo apt-get install -y python3-venv"
    fi
    say "installing python3-venv"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
}

# Prints the lines of one package in the lock: the pin and its hashes.
locked_block() {
    awk -v start="$1==" 'index($0, start) == 1 { on = 1; print; next } /^[a-z]/ { on = 0 } on' requirements.lock
}

# The lock is whole, so nothing is resolved: pip would prefer a newer release wherever a package is wanted
# with an extra (coverage[toml]), find no hash for it and fail on the day that release comes out.
install_locked() {
    "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes --no-build-isolation "$@"
}

# A user's pip settings may choose the index; these would change what is installed, or where.
export PIP_USER=0 PIP_REQUIRE_HASHES=0 PIP_REQUIRE_VIRTUALENV=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Two `make` runs at once would write into one venv.
exec 9>.setup.lock
command -v flock >/dev/null && flock 9

lock_sum=$(sha256sum <requirements.lock)
project_sum=$(cat requirements.lock pyproject.toml | sha256sum)

if ! is_new_enough "$venv/bin/python"; then
    python=$(find_python)
    require_venv_module "$python"
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
if [ "$(cat "$venv/lock.sum" 2>/dev/null)" != "$lock_sum" ]; then
    say "installing the locked packages (one to two minutes the first time)"
    # tlv8 comes as source only: its build tool is installed first, by hash too, and not fetched in passing.
    locked_block setuptools >"$venv/build.lock"
    locked_block tlv8 >"$venv/source.lock"
    install_locked --only-binary=:all: -r "$venv/build.lock"
    install_locked --only-binary=:none: --use-pep517 -r "$venv/source.lock"
    install_locked --only-binary=:all: -r requirements.lock
    printf '%s\n' "$lock_sum" >"$venv/lock.sum"
fi
if [ "$(cat "$venv/project.sum" 2>/dev/null)" != "$project_sum" ]; then
    say "installing agentvoice, editable"
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
    printf '%s\n' "$project_sum" >"$venv/project.sum"
fi
