from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.protocols.realtime.send_queue import MAX_COMMANDS, SendQueue


def sound(ms):
    return AudioChunk(CALL_FORMAT, bytes(48 * ms))


def test_order_is_kept_between_sound_and_commands():
    """A commit must come after the sound that it commits."""
    queue = SendQueue(100)
    queue.put_audio(sound(20))
    queue.put_command("commit")
    queue.put_audio(sound(40))
    assert [queue.take() for _ in range(4)] == [sound(20), "commit", sound(40), None]


def test_the_oldest_sound_is_dropped_and_commands_are_not():
    """Beyond the limit old sound goes, also from behind a command; it is counted."""
    queue = SendQueue(100)
    queue.put_command("first")
    queue.put_audio(sound(60))
    queue.put_command("second")
    queue.put_audio(sound(60))
    assert [queue.take() for _ in range(3)] == ["first", "second", sound(60)]
    assert queue.dropped_audio_ms == 60


def test_a_chunk_longer_than_the_limit_is_kept():
    """The newest sound is never dropped for itself."""
    queue = SendQueue(100)
    queue.put_audio(sound(20))
    queue.put_audio(sound(300))
    assert queue.take() == sound(300)
    assert queue.dropped_audio_ms == 20


def test_unread_commands_mean_a_dead_connection():
    """The bound on commands is a sign, not a loss; clear() forgets all."""
    queue = SendQueue(100)
    for _ in range(MAX_COMMANDS + 1):
        queue.put_command("x")
    assert queue.is_stalled
    queue.clear()
    assert not queue.is_stalled and queue.take() is None
