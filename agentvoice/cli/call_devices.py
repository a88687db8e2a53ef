"""`agentvoice call devices`: what `call start --input` and `--output` may name."""

from __future__ import annotations

from dataclasses import asdict

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.cli.output import table


@click.command("devices", cls=Command)
@pass_invocation
def list_sound_devices(invocation: Invocation) -> None:
    """List microphones and speakers.

    The number, the name or a part of it goes to `call start --input` and `--output`, or into the
    settings sound.input and sound.output. A star marks the system's own choice.
    """
    from agentvoice.adapters.sound_devices import SoundDevice, list_devices

    def channels(count: int, is_default: bool) -> str:
        return f"{count or '-'}{' *' if is_default else ''}"

    def row(device: SoundDevice) -> tuple[object, ...]:
        return (
            device.number,
            device.name,
            channels(device.inputs, device.is_default_input),
            channels(device.outputs, device.is_default_output),
            device.rate_hz,
        )

    devices = list_devices()
    text = table(
        ("NUMBER", "NAME", "INPUTS", "OUTPUTS", "HZ"),
        [row(device) for device in devices],
        empty="No sound devices. A call can be typed (--say), or come from a file (--input FILE.wav).",
        numbers=(0, 4),
    )
    invocation.answer({"devices": [asdict(device) for device in devices]}, text)
