"""Agents: the stored profiles that speak in a call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agentvoice.core.limits import check_length, check_range
from agentvoice.core.loopback import is_loopback_url
from agentvoice.core.openai_settings import OpenAISettings, check_openai
from agentvoice.core.tool import AgentTools, check_tools
from agentvoice.errors import UsageError

ENGINE_OPENAI = "openai"
ENGINE_LOCAL = "local"
ENGINES = (ENGINE_LOCAL, ENGINE_OPENAI)

MAX_SLUG_CHARS = 40  # transfer_to_<slug> must stay inside the 64 characters of a tool name
MAX_NAME_CHARS = 80
MAX_ALIASES = 16
MAX_INSTRUCTIONS_CHARS = 32_000
MAX_GREETING_CHARS = 1_000
MAX_PICTURE_CHARS = 500

# Controls, line ends, lone surrogates, and what turns the writing direction of all that follows:
# names stand in terminals, pages and published notes. Joiners stay: scripts and emoji need them.
_NOT_PLAIN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class StageSettings:
    """One stage of the local engine: a local model by `model`, or an OpenAI-compatible HTTP
    endpoint when `url` is set (then `model` is the name the endpoint knows).

    `api_key` is a reference (`env:NAME` or `file:PATH`), never the key itself.
    """

    model: str = ""
    """A local model, or the name that the endpoint knows; empty: the engine's default."""
    url: str = ""
    """Address of an OpenAI-compatible endpoint; empty: the stage runs on this machine."""
    api_key: str = ""
    """Where the endpoint's key is: `env:NAME` or `file:PATH`."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Settings of an agent on the local engine. Empty stages use the engine's defaults."""

    voice: str = ""
    """The voice; empty: the engine's default."""
    vad_threshold: float = 0.5
    """How surely sound must be speech, 0.05 to 0.95."""
    prefix_padding_ms: int = 300
    """Sound before the speech that belongs to the turn."""
    silence_ms: int = 400
    """Silence that ends a turn."""
    min_speech_ms: int = 100
    """Shorter speech is no turn."""
    max_reply_sentences: int = 2
    """Sentences that a reply has at most."""
    temperature: float = 0.2
    """How freely the model chooses its words, 0 to 2."""
    stt: StageSettings = field(default_factory=StageSettings)
    llm: StageSettings = field(default_factory=StageSettings)
    tts: StageSettings = field(default_factory=StageSettings)


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """What the operator says about an agent.

    `engines` is ordered: the first is preferred, the rest are fallbacks. `pubkey` is the 64 digit
    hex public key that signs the agent's turns. `handover_to` lists slugs; empty allows every
    enabled agent.
    """

    slug: str
    """What commands and tools call it."""
    name: str
    """What people call it."""
    instructions: str = ""
    """What it is and does."""
    aliases: tuple[str, ...] = ()
    """What its name is misheard as."""
    about: str = ""
    """What other agents may hand a caller over to it for; its profile on Nostr says it too."""
    picture: str = ""
    """Address of its picture (https), for its profile on Nostr."""
    greeting: str = ""
    """What it says first; empty: it waits for the caller."""
    engines: tuple[str, ...] = (ENGINE_LOCAL,)
    """The preferred engine first, then fallbacks."""
    handover_to: tuple[str, ...] = ()
    """Slugs it may hand over to; empty: every enabled agent."""
    pubkey: str = ""
    """Signs its turns; in a file it follows from `key`."""
    enabled: bool = True
    """Whether it can be called."""
    local: LocalSettings = field(default_factory=LocalSettings)
    openai: OpenAISettings = field(default_factory=OpenAISettings)
    tools: AgentTools = field(default_factory=AgentTools)

    def with_pubkey(self, pubkey: str) -> AgentProfile:
        """Return the profile with another signing key."""
        return replace(self, pubkey=pubkey)


@dataclass(frozen=True, slots=True)
class AgentRevision:
    """One stored version of a profile; `number` counts from 1 for each agent."""

    agent_id: str
    number: int
    profile: AgentProfile
    created_at: int  # UTC ms


def check_slug(field_name: str, slug: str) -> None:
    """Raise UsageError unless `slug` fits a command line, a tag and a tool name."""
    if len(slug) > MAX_SLUG_CHARS or not SLUG.fullmatch(slug):
        raise UsageError(
            f"{field_name}: got {slug!r}, want 1 to {MAX_SLUG_CHARS} of a-z, 0-9, - and _,"
            " beginning and ending with a letter or digit"
        )


def _check_plain(field_name: str, text: str) -> None:
    found = _NOT_PLAIN.search(text)
    if found:
        raise UsageError(
            f"{field_name}: got the control character U+{ord(found.group()):04X}, want a plain line of text"
        )


def check_agent(agent: AgentProfile) -> None:
    """Raise UsageError naming the first field of `agent` that is not usable."""
    check_slug("slug", agent.slug)
    check_length("name", agent.name.strip(), 1, MAX_NAME_CHARS)
    _check_plain("name", agent.name)
    check_length("instructions", agent.instructions, 0, MAX_INSTRUCTIONS_CHARS)
    check_picture(agent.picture)
    check_length("greeting", agent.greeting, 0, MAX_GREETING_CHARS)
    check_length("aliases", "x" * len(agent.aliases), 0, MAX_ALIASES)
    for alias in agent.aliases:
        check_length("aliases", alias.strip(), 1, MAX_NAME_CHARS)
        _check_plain("aliases", alias)
    if not agent.engines:
        raise UsageError(f"engines: got none, want at least one of {', '.join(ENGINES)}")
    for engine in agent.engines:
        if engine not in ENGINES:
            raise UsageError(f"engines: got {engine!r}, want one of {', '.join(ENGINES)}")
    if len(set(agent.engines)) != len(agent.engines):
        raise UsageError(f"engines: got {', '.join(agent.engines)}, want each engine once")
    for target in agent.handover_to:
        check_slug("handover_to", target)
    check_local(agent.local)
    check_openai(agent.openai)
    check_tools(agent.tools)


def check_picture(address: str) -> None:
    """Raise UsageError unless `address` is empty or an https:// address that readers may load."""
    is_address = address.startswith("https://") and address.isprintable() and not set(address) & set(' "<>')
    if address and (not is_address or not 9 <= len(address) <= MAX_PICTURE_CHARS):
        raise UsageError(
            f"picture: got {address[:80]!r}, want https://… of {MAX_PICTURE_CHARS} characters at most"
        )


def check_local(local: LocalSettings) -> None:
    """Raise UsageError naming the first local setting that is out of its range."""
    check_range("local.vad_threshold", local.vad_threshold, 0.05, 0.95)
    check_range("local.prefix_padding_ms", local.prefix_padding_ms, 0, 2_000)
    check_range("local.silence_ms", local.silence_ms, 100, 5_000)
    check_range("local.min_speech_ms", local.min_speech_ms, 32, 2_000)
    check_range("local.max_reply_sentences", local.max_reply_sentences, 1, 20)
    check_range("local.temperature", local.temperature, 0.0, 2.0)
    for stage_name, stage in (("stt", local.stt), ("llm", local.llm), ("tts", local.tts)):
        if stage.url and not stage.url.startswith(("http://", "https://")):
            raise UsageError(f"local.{stage_name}.url: got {stage.url!r}, want http:// or https://")
        if "@" in stage.url.partition("://")[2].partition("/")[0]:  # not repeated: it would show the password
            raise UsageError(f"local.{stage_name}.url: got a user or password in it, want https://host/path")
        if stage.api_key and stage.url.startswith("http://") and not is_loopback_url(stage.url):
            raise UsageError(
                f"local.{stage_name}.url: got http:// to another machine with an api_key, want https://"
                " (the key and the voice would travel in clear)"
            )
        if stage.api_key and not stage.api_key.startswith(("env:", "file:")):
            raise UsageError(
                f"local.{stage_name}.api_key: got a value, want a reference env:NAME or file:PATH"
            )
