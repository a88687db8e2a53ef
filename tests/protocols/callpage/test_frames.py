from __future__ import annotations

import pytest

from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.callpage import frames


@pytest.mark.parametrize("cost", ["", "-1", "1e9", "1.", "0.0000000001", "NaN"])
def test_money_is_a_plain_decimal(cost: str):
    """A cost that is none is refused by its field."""
    text = f'{{"type":"spent","cost_usd":"{cost}","is_estimate":false,"elapsed_s":1}}'
    with pytest.raises(RemoteProtocolError, match="cost_usd"):
        frames.decode_daemon_frame(text)


def test_what_was_spent_is_told_in_dollars():
    """The frame as a page reads it."""
    frame = frames.Spent(cost_usd="0.0123", is_estimate=True, elapsed_s=5)
    text = '{"type":"spent","cost_usd":"0.0123","is_estimate":true,"elapsed_s":5}'
    assert frames.encode_frame(frame) == text
    assert frames.decode_daemon_frame(text) == frame


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("agent", '{"type":"switch","agent":"NAME"}'),
        ("agent", '{"type":"start","agent":"NAME"}'),
        ("project", '{"type":"start","agent":"ada","project":"NAME"}'),
        ("engine", '{"type":"start","agent":"ada","engine":"NAME"}'),
        ("call", '{"type":"resume","call":"NAME","key":"k"}'),
        ("key", '{"type":"resume","call":"c","key":"NAME"}'),
    ],
)
def test_a_name_is_short(field: str, text: str):
    """What errors and notices repeat is bounded; the refusal names the field."""
    fits = frames.decode_client_frame(text.replace("NAME", "x" * 200))
    assert getattr(fits, field) == "x" * 200
    with pytest.raises(RemoteProtocolError, match=rf"length <= 200 - at `\$\.{field}`"):
        frames.decode_client_frame(text.replace("NAME", "x" * 201))


def test_a_typed_turn_has_its_length():
    """Every rule reads what was typed: a book of it is refused by its field."""
    most = "é" * frames.MAX_TEXT_CHARS
    assert frames.decode_client_frame(frames.encode_frame(frames.Text(text=most))) == frames.Text(text=most)
    with pytest.raises(RemoteProtocolError, match=r"length <= 8000 - at `\$\.text`"):
        frames.decode_client_frame(frames.encode_frame(frames.Text(text=most + "x")))
