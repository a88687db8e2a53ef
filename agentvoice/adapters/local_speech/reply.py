"""Making one reply: the model's text is cut into sentences and spoken while it is being written.

A reader task fills a short queue of sentences from the model; the speaker takes one after the
other. Cancelling `run` closes both streams, which stops the work behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.stages import ChatMessage, Stages
from agentvoice.core.agent import LocalSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.sentences import Piece, SentenceCutter
from agentvoice.core.speakable import speakable
from agentvoice.core.speech import AudioDelta, ItemAdded, ItemTextDelta, SpeechEvent

PIECES_AHEAD = 2
"""Sentences the model may be ahead of the voice."""
TOKENS_PER_SENTENCE = 60
"""Bounds a reply whose sentences never end."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is spoken in one go: `text` for the transcript, `spoken` for the voice."""

    text: str
    spoken: str


class Reply:
    """One response. Its item is added with its first sound; every text comes just before its sound."""

    def __init__(self, response: str, ref: str, stages: Stages, local: LocalSettings, outbox: Outbox) -> None:
        self.response = response
        self.ref = ref
        self.audio_ms = 0
        """Sound made so far."""
        self.is_over = False
        """Once set nothing of the reply is told any more."""
        self.on_text: Callable[[str], None] = lambda text: None
        """Told each piece of text when its sound begins."""
        self._stages = stages
        self._local = local
        self._outbox = outbox
        self._sound_bytes = 0
        self._has_item = False

    @property
    def has_spoken(self) -> bool:
        """Whether any sound was told."""
        return self._has_item

    async def think(self, messages: Sequence[ChatMessage]) -> None:
        """Speak what the model answers to `messages`; raises the stages' errors."""
        pieces: asyncio.Queue[_Piece | Exception | None] = asyncio.Queue(PIECES_AHEAD)
        reader = asyncio.create_task(self._read(messages, pieces), name=f"{self.response} text")
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                await self._speak(piece)
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _read(
        self, messages: Sequence[ChatMessage], pieces: asyncio.Queue[_Piece | Exception | None]
    ) -> None:
        failure: Exception | None = None
        try:
            async with aclosing(self._model_text(messages)) as texts:
                await self._cut(texts, pieces)
        except Exception as error:
            failure = error  # raised by the speaker, once what came before it was spoken
        await pieces.put(failure)

    def _model_text(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str, None]:
        return self._stages.llm.reply(
            messages,
            max_tokens=TOKENS_PER_SENTENCE * self._local.max_reply_sentences,
            temperature=self._local.temperature,
        )

    async def _cut(
        self, texts: AsyncGenerator[str, None], pieces: asyncio.Queue[_Piece | Exception | None]
    ) -> None:
        left = self._local.max_reply_sentences
        lead = ""
        async for cut in _pieces_of(texts):
            if spoken := speakable(cut.text):
                await pieces.put(_Piece(lead + spoken, spoken))
                lead = " "
                left -= cut.ends_sentence
            if left == 0:
                return

    async def say(self, text: str) -> None:
        """Speak `text`, which stays as it is in the transcript; raises the stages' errors."""
        cutter = SentenceCutter()
        unspoken = ""
        for cut in (*cutter.push(text), *cutter.flush()):
            unspoken += cut.text
            if spoken := speakable(cut.text):
                await self._speak(_Piece(unspoken, spoken))
                unspoken = ""

    async def _speak(self, piece: _Piece) -> None:
        is_begun = False
        half_sample = b""
        async with aclosing(self._stages.tts.speak(piece.spoken, self._local.voice)) as sounds:
            async for sound in sounds:
                sound = half_sample + sound
                whole = len(sound) - len(sound) % CALL_FORMAT.sample_bytes
                half_sample = sound[whole:]
                if not whole:
                    continue
                await self._outbox.room()
                if not is_begun:
                    self._begin(piece)
                    is_begun = True
                self._tell_sound(sound[:whole])

    def _begin(self, piece: _Piece) -> None:
        if self.is_over:
            return
        if not self._has_item:
            self._has_item = True
            self._tell(ItemAdded(self.ref, ItemKind.MESSAGE, Role.AGENT, self.response))
        self.on_text(piece.text)
        self._tell(ItemTextDelta(self.ref, piece.text))

    def _tell_sound(self, sound: bytes) -> None:
        self._sound_bytes += len(sound)
        self.audio_ms = CALL_FORMAT.ms_of(self._sound_bytes)
        self._tell(AudioDelta(self.ref, 0, AudioChunk(CALL_FORMAT, sound), self.response))

    def _tell(self, event: SpeechEvent) -> None:
        if not self.is_over:
            self._outbox.put(event)


async def _pieces_of(texts: AsyncGenerator[str, None]) -> AsyncGenerator[Piece, None]:
    cutter = SentenceCutter()
    async for text in texts:
        for piece in cutter.push(text):
            yield piece
    for piece in cutter.flush():
        yield piece
