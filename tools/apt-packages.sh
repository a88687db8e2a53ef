#!/usr/bin/env bash
# Installs the Debian packages that agentvoice needs besides Python's: tools/apt-packages.sh run|test [--advise]
# As root it installs what is missing. Otherwise it prints the one line to run, and exits 1 (0 with --advise).
set -euo pipefail

run_packages=(
    libportaudio2 # microphone and speaker; calls from files and from the page do without it
)
test_packages=(
    asterisk-core-sounds-en      # the texts of the prompts below
    asterisk-core-sounds-en-g722 # real human speech, 16 kHz
    asterisk-core-sounds-en-wav  # the same, 8 kHz
    chromium                     # the call page is tested in a real browser
    dbus                         # PipeWire's session
    espeak-ng                    # synthetic speech of any text
    libasound2-plugins           # PortAudio's way to the sound server
    pipewire                     # a sound server, with a microphone and a speaker that are no hardware
    pipewire-pulse               # its face for programs
    pocketsphinx-testdata        # read sentences with their transcriptions
    postgresql                   # storage is tested on a throw-away cluster too
    pulseaudio-utils             # speaks into its microphone, listens to its speaker
    wireplumber                  # joins programs to devices
)

case "${1:-}" in
    run) wanted=("${run_packages[@]}") ;;
    test) wanted=("${run_packages[@]}" "${test_packages[@]}") ;;
    *)
        echo "usage: $0 run|test [--advise]" >&2
        exit 2
        ;;
esac
on_missing=$([ "${2:-}" = --advise ] && echo 0 || echo 1)

if ! command -v dpkg-query >/dev/null; then
    echo "packages: this is no Debian or Ubuntu; install what these hold: ${wanted[*]}" >&2
    exit 0
fi

is_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "packages: missing ${missing[*]}. Install by:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit "$on_missing"
fi
echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
