"""The language model in the worker process: llama.cpp by xllamacpp, any GGUF chat model."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentvoice.errors import EngineError

CONTEXT_TOKENS = 4_096
"""Shared by all slots; 95 MB of cache for SmolLM2, 115 MB for Qwen2.5 1.5B."""
SLOTS = 4
"""Replies that are made at the same time; each slot keeps the prefix of the call it last served."""
REUSED_TOKENS = 16
"""Cached pieces of at least this size are moved, not read again, when older messages were left out."""
PREFILL_TOKENS = 16
"""The prompt is read in steps of this size: between them a cancelled request is noticed. 16 tokens
take about 0.25 s on one slow core with the smallest model."""
CACHE_MIB = 256
"""Prefixes of calls that lost their slot are kept in this much memory."""

Message = tuple[str, str]


class Llama:
    """One loaded model. `reply` may be called from several threads at once.

    The runtime's server is used for its slots and its prefix cache, through direct calls. It cannot be
    told not to listen, so it listens on a socket file in a folder of ours (0700), with a random key.
    """

    def __init__(
        self, gguf: str, threads: int, socket_dir: str, context_tokens: int = CONTEXT_TOKENS
    ) -> None:
        """Load the model file; raises EngineError when the runtime does not take it."""
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = gguf
        params.n_ctx = context_tokens
        params.n_parallel = SLOTS
        params.kv_unified = True
        params.n_batch = params.n_ubatch = PREFILL_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = CACHE_MIB
        params.n_cache_reuse = REUSED_TOKENS
        params.fit_params = False
        params.verbosity = 0
        params.hostnames = [str(Path(socket_dir) / f"llm-{os.getpid()}-{secrets.token_hex(4)}.sock")]
        params.api_keys = [secrets.token_hex(32)]
        params.n_threads_http = 1
        params.ui = params.endpoint_slots = False
        try:
            self._server: Any = xllamacpp.Server(params)
        except Exception as error:
            raise EngineError(f"{gguf}: not loaded by llama.cpp: {error}") from error

    def reply(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        on_text: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Call `on_text` with each piece of the reply; return when it is complete or cancelled.

        With `max_tokens` 0 the messages are only read into the prefix cache. When they are longer than
        the context, the oldest after the first are left out. Raises EngineError.
        """
        kept = list(messages)
        while not self._try_reply(kept, max_tokens, temperature, on_text, is_cancelled):
            kept = _without_oldest(kept)

    def _try_reply(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        temperature: float,
        on_text: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> bool:
        """Return False when the messages do not fit into the context."""
        failures: list[dict[str, Any]] = []

        def on_chunk(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                failures.append(chunk["error"])
            elif max_tokens:
                for choice in chunk.get("choices") or ():
                    text = choice.get("delta", {}).get("content")
                    if text and not is_cancelled():
                        on_text(text)
            return is_cancelled()

        self._server.handle_chat_completions(
            {
                "messages": [{"role": role, "content": content} for role, content in messages],
                "max_tokens": max_tokens,
                "temperature": temperature,
                "stream": True,
                "cache_prompt": True,
                "return_progress": True,  # a call per prefill step, so that it can be stopped
            },
            on_chunk,
        )
        if not failures:
            return True
        if failures[0].get("type") == "exceed_context_size_error" and len(messages) > 2:
            return False
        raise EngineError(f"llm: {failures[0].get('message', 'failed without a reason')}")


def _without_oldest(messages: list[Message]) -> list[Message]:
    """Leave out the older half of what follows the first message (the instructions)."""
    return messages[:1] + messages[1 + max(1, (len(messages) - 1) // 2) :]
