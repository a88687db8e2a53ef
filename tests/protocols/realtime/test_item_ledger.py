import pytest

from agentvoice.core.speech import (
    CancelResponse,
    TruncateItem,
)
from tests.protocols.realtime.conversing import Peer, answer


@pytest.fixture
def peer():
    return Peer()


def speak_two_seconds(peer):
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    peer.speaks("resp_1", "item_1", 1_000)
    peer.speaks("resp_1", "item_1", 1_000)


@pytest.mark.parametrize(("heard_ms", "sent_ms"), [(700, 700), (2_000, 2_000), (5_000, 2_000)])
def test_truncate_clamps_to_received(peer, heard_ms, sent_ms):
    """The cut is where the caller stopped hearing, and never beyond the sound received."""
    speak_two_seconds(peer)
    [frame] = peer.sends(TruncateItem("item_1", 0, heard_ms))
    assert (frame["type"], frame["audio_end_ms"]) == ("conversation.item.truncate", sent_ms)


def test_fully_heard_is_not_truncated(peer):
    """The item was heard to its end: nothing is sent."""
    speak_two_seconds(peer)
    peer.hears(
        "response.output_audio.done", response_id="resp_1", item_id="item_1", output_index=0, content_index=0
    )
    assert peer.types(TruncateItem("item_1", 0, 2_000)) == []
    assert peer.types(TruncateItem("item_1", 0, 1_999)) == ["conversation.item.truncate"]


def test_a_cancelled_reply_is_cut_where_its_sound_ended(peer):
    """All that came was heard, and the server may have made more: truncated there, then cancelled."""
    speak_two_seconds(peer)
    truncate, cancel = peer.sends(CancelResponse())
    assert (truncate["item_id"], truncate["audio_end_ms"]) == ("item_1", 2_000)
    assert cancel["type"] == "response.cancel"


def test_a_cancelled_reply_whose_sound_is_all_here_is_not_cut(peer):
    """The server has said that no more sound comes: there is nothing to truncate."""
    speak_two_seconds(peer)
    peer.hears(
        "response.output_audio.done", response_id="resp_1", item_id="item_1", output_index=0, content_index=0
    )
    assert peer.types(CancelResponse()) == ["response.cancel"]


def test_nothing_heard_deletes(peer):
    """Barge-in before the first sample: the item is deleted, not truncated at 0."""
    speak_two_seconds(peer)
    assert peer.sends(TruncateItem("item_1", 0, 0))[0]["type"] == "conversation.item.delete"
    assert peer.hears("conversation.item.deleted", item_id="item_1") == []


def test_second_item_is_cut(peer):
    """A response with two audio items, interrupted in the second: only that one is truncated."""
    speak_two_seconds(peer)
    done = answer("item_1", "First.", "completed")
    peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=done)
    peer.adds("resp_1", "item_2")
    peer.speaks("resp_1", "item_2", 500)
    frames = peer.sends(TruncateItem("item_1", 0, 2_000), TruncateItem("item_2", 0, 120), CancelResponse())
    assert [frame["type"] for frame in frames] == ["conversation.item.truncate", "response.cancel"]
    assert (frames[0]["item_id"], frames[0]["audio_end_ms"]) == ("item_2", 120)


def test_a_cut_item_says_nothing_more(peer):
    """After the cut neither deltas nor the server's full text reach the transcript."""
    speak_two_seconds(peer)
    peer.sends(TruncateItem("item_1", 0, 700))
    assert peer.types(TruncateItem("item_1", 0, 700)) == []
    assert peer.writes("resp_1", "item_1", "unheard") == []
    full = answer("item_1", "heard and unheard", "completed")
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=full) == []


@pytest.mark.parametrize("ref", ["item_9", "item_1"])
def test_what_has_no_sound_is_not_cut(peer, ref):
    """An unknown item or one of text only: nothing is sent."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    assert peer.types(TruncateItem(ref, 0, 500)) == []


def test_a_truncate_that_came_too_late_survives(peer):
    """Whatever the server says about our cut, the call goes on."""
    speak_two_seconds(peer)
    [frame] = peer.sends(TruncateItem("item_1", 0, 700))
    assert peer.fails("invalid_value", frame["event_id"]) == []


def test_sound_is_told_in_whole_samples(peer):
    """A delta that ends inside a sample keeps its rest for the next; what was received counts all."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    item = peer.protocol._items.get("item_1")
    assert [item.whole_samples(0, sound) for sound in (b"1", b"23", b"456", b"7")] == [
        b"", b"12", b"3456", b""
    ]  # fmt: skip
    assert (item.received_bytes, item.half_sample) == ({0: 7}, b"7")
