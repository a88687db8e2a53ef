#!/usr/bin/env bash
# PipeWire in FOLDER, with a sink `mic` whose monitor is the microphone, and a sink `spk` as the speaker.
# Prints "ready"; runs until standard input ends.
set -euo pipefail
folder=$1
export XDG_RUNTIME_DIR=$folder HOME=$folder
trap 'kill -KILL $(jobs -p) 2>/dev/null || true' EXIT # nothing of it is kept: no time for farewells

wait_for() { # each program begins to listen some time after its start
    local tries=1200
    until "$@" >/dev/null 2>&1; do
        ((tries--)) || { echo "sound server: $* failed" >&2; exit 1; }
        sleep 0.05
    done
}

pipewire </dev/null >"$folder/pipewire.log" 2>&1 &
wait_for test -S "$folder/pipewire-0"
wireplumber </dev/null >"$folder/wireplumber.log" 2>&1 &
pipewire-pulse </dev/null >"$folder/pulse.log" 2>&1 &
wait_for pactl info
pactl load-module module-null-sink sink_name=mic >/dev/null
pactl load-module module-null-sink sink_name=spk >/dev/null
wait_for pactl set-default-sink spk
wait_for pactl set-default-source mic.monitor
cat >"$folder/asound.conf" <<'CONF'
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
CONF
echo ready
cat >/dev/null
