import json

from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
    UsageReported,
)
from tests.fakes.realtime_agents import config_of
from tests.protocols.realtime.conversing import Peer, answer, caller_turn


def test_transcript_in_its_place(peer):
    """A turn takes its place when committed; its words may come after the reply."""
    assert peer.hears("input_audio_buffer.speech_started", audio_start_ms=400, item_id="item_1") == [
        SpeechStarted(400)
    ]
    assert peer.hears("input_audio_buffer.speech_stopped", audio_end_ms=1_900, item_id="item_1") == [
        SpeechStopped(1_900)
    ]
    assert peer.hears("input_audio_buffer.committed", item_id="item_1", previous_item_id=None) == [
        TurnCommitted("item_1")
    ]
    assert peer.hears("conversation.item.added", item=caller_turn("item_1"), previous_item_id=None) == []
    assert peer.hears("conversation.item.done", item=caller_turn("item_1"), previous_item_id=None) == []
    peer.begins("resp_1")
    assert peer.hears("conversation.item.added", item=answer("item_2"), previous_item_id="item_1") == [
        ItemAdded("item_2", ItemKind.MESSAGE, Role.AGENT, "resp_1", "item_1")
    ]
    peer.ends("resp_1")
    assert hears_words(peer, "item_1", " What ") == [ItemTextDelta("item_1", " What ")]
    assert hears_all(peer, "item_1", " What ship? ", {"type": "duration", "seconds": 1.5}) == [
        ItemDone("item_1", "What ship?"),
        UsageReported("", "gpt-live-transcribe", audio_ms=1_500),
    ]


def hears_words(peer, item, delta):
    name = "conversation.item.input_audio_transcription.delta"
    return peer.hears(name, item_id=item, content_index=0, delta=delta)


def hears_all(peer, item, transcript, usage):
    name = "conversation.item.input_audio_transcription.completed"
    return peer.hears(name, item_id=item, content_index=0, transcript=transcript, usage=usage)


def test_stale_deltas_lose(peer):
    """A final transcript is not overwritten by later deltas or a late failure."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    usage = {"type": "tokens", "input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    details = {"input_token_details": {"audio_tokens": 9, "text_tokens": 0}}
    assert hears_all(peer, "item_1", "Ahoy", usage | details)[1] == UsageReported(
        "", "gpt-live-transcribe", input_audio_tokens=9, output_text_tokens=3
    )
    assert hears_words(peer, "item_1", "Ah") == []
    assert fails_to_hear(peer, "item_1") == []
    assert len(hears_all(peer, "item_9", "Whose?", usage)) == 1  # no item, but it is billed


def fails_to_hear(peer, item):
    return peer.hears(
        "conversation.item.input_audio_transcription.failed",
        item_id=item,
        content_index=0,
        error={"type": "server_error", "code": "audio_unintelligible", "message": "mumbling"},
    )


def test_a_failed_transcription_leaves_a_marked_item(peer):
    """The turn fails with the provider's reason."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    assert fails_to_hear(peer, "item_1") == [ItemFailed("item_1", "audio_unintelligible: mumbling")]


def test_a_turn_without_words_is_removed():
    """An empty transcript was noise; a server without usage is survived."""
    peer = Peer()
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    name = "conversation.item.input_audio_transcription.completed"
    text = json.dumps({"type": name, "item_id": "item_1", "transcript": "  "})
    assert peer.protocol.receive_message(text) == [ItemRemoved("item_1")]


def test_without_a_transcription_model_turns_are_marked():
    """Nobody will ever send that turn's text: it is marked at once."""
    peer = Peer(config_of(transcription_model=""))
    assert peer.hears("input_audio_buffer.committed", item_id="item_1") == [
        TurnCommitted("item_1"),
        ItemFailed("item_1", "no transcription model is set"),
    ]


def test_a_turn_told_by_item_added_alone_is_a_turn(peer):
    """Compatible servers may leave out the committed event."""
    assert peer.hears("conversation.item.added", item=caller_turn("item_1"), previous_item_id=None) == [
        TurnCommitted("item_1")
    ]


def test_unknown_predecessor(peer):
    """An item whose previous_item_id is unknown is kept, at the end."""
    assert peer.hears("input_audio_buffer.committed", item_id="item_2", previous_item_id="item_lost") == [
        TurnCommitted("item_2", None)
    ]


def test_an_item_that_the_server_deletes_is_removed(peer):
    """The server took an unfinished item out by itself."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    assert peer.hears("conversation.item.deleted", item_id="item_1") == [ItemRemoved("item_1")]
    assert peer.hears("conversation.item.deleted", item_id="item_9") == []
