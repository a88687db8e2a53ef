"""Agent profiles as TOML."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentvoice.core.agent import (
    ENGINES,
    MAX_ALIASES,
    AgentProfile,
    LocalSettings,
    StageSettings,
)
from agentvoice.core.openai_settings import Interruption, OpenAISettings, Truncation
from agentvoice.core.tool import (
    BUILTIN_PARAMETERS,
    METHODS,
    AgentTools,
    HttpTool,
    McpServer,
)
from agentvoice.errors import UsageError
from agentvoice.protocols.profile_toml import ProfileFile, decode_profile, encode_profile

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200)
plain = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])
names = st.text(alphabet=plain, min_size=1, max_size=40).filter(str.strip)
slugs = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=40)
stages = st.builds(StageSettings, model=texts, url=st.sampled_from(["", "http://127.0.0.1:1/v1"]))
labels = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True).filter(
    lambda name: name not in BUILTIN_PARAMETERS and not name.startswith("transfer_to_")
)
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(-1e300, 1e300), texts)
properties = st.fixed_dictionaries(
    {}, optional={"description": texts, "default": values, "type": st.just("string")}
)
http_tools = st.builds(
    HttpTool,
    name=labels,
    description=names,
    url=st.just("http://127.0.0.1:1/x"),
    method=st.sampled_from(METHODS),
    timeout_s=st.floats(0.1, 120),
    headers=st.dictionaries(labels, st.sampled_from(["env:K", "Bearer file:/run/a key"]), max_size=2),
    parameters=st.dictionaries(texts, properties, max_size=3).map(
        lambda schemas: {"type": "object", "properties": schemas}
    ),
)
mcp_servers = st.builds(
    McpServer,
    server_label=labels,
    server_url=st.just("https://mcp.example/sse"),
    authorization=st.sampled_from(["", "credential:token"]),
    allowed_tools=st.lists(labels, max_size=2).map(tuple),
    require_approval=st.sampled_from(["never", "always"]),
)
profiles = st.builds(
    AgentProfile,
    slug=slugs,
    name=names,
    instructions=texts,
    aliases=st.lists(names, max_size=MAX_ALIASES).map(tuple),
    about=texts,
    greeting=texts,
    engines=st.permutations(ENGINES).map(tuple),
    handover_to=st.lists(slugs, max_size=4).map(tuple),
    enabled=st.booleans(),
    local=st.builds(
        LocalSettings,
        voice=texts,
        vad_threshold=st.floats(0.05, 0.95),
        silence_ms=st.integers(100, 5_000),
        stt=stages,
        llm=stages,
        tts=stages,
    ),
    tools=st.builds(
        AgentTools,
        builtin=st.permutations(list(BUILTIN_PARAMETERS)).map(tuple),
        allowed_hosts=st.just(("127.0.0.1", "mcp.example")),
        http=st.lists(http_tools, max_size=2, unique_by=lambda tool: tool.name).map(tuple),
        mcp=st.lists(mcp_servers, max_size=2, unique_by=lambda server: server.server_label).map(tuple),
    ),
    openai=st.builds(
        OpenAISettings,
        model=names,
        voice=names,
        output=st.sampled_from(["audio", "text"]),
        speed=st.floats(0.25, 1.5),
        metadata=st.dictionaries(st.text(alphabet=plain, min_size=1, max_size=64), texts, max_size=16),
        truncation=st.builds(Truncation, token_limit=st.integers(0, 9_000)),
        interruption=st.builds(Interruption, min_speech_ms=st.integers(0, 5_000)),
    ),
)


@settings(max_examples=60, deadline=None)
@given(profiles, texts)
def test_round_trip_is_exact(profile: AgentProfile, key: str):
    """What is exported is imported as the very same profile, whatever its texts hold."""
    assert decode_profile(encode_profile(profile, key), "a.toml") == ProfileFile(profile, key)


@pytest.mark.parametrize(
    "text", ['"""', '""""""', 'a\n"""b"', "a\r\nb\rc", "\n", '\n"', "\\", "\\\n", "\x00\x7f\n"]
)
def test_texts_that_look_like_toml_survive(text: str):
    """Quotes, backslashes and line ends in instructions come back as they were."""
    profile = AgentProfile(slug="a", name="A", instructions=text)
    assert decode_profile(encode_profile(profile), "a.toml").profile == profile


def test_defaults_are_left_out():
    """An exported file shows what was chosen, not every setting there is."""
    text = encode_profile(AgentProfile(slug="ada", name="Ada", local=LocalSettings(voice="low")))
    assert "silence_ms" not in text
    assert text.endswith('[local]\nvoice = "low"\n')


def test_the_public_key_is_not_in_the_file():
    """The file names the key by `key`; the pubkey follows from it."""
    profile = AgentProfile(slug="ada", name="Ada", pubkey="ab" * 32)
    assert decode_profile(encode_profile(profile, "env:ADA"), "a.toml").profile == replace(profile, pubkey="")


HEAD = 'slug = "a"\nname = "A"\n'
TOOL = (
    HEAD
    + """
[[tools.http]]
name = "weather"
description = "Weather"
url = "https://api.example/now"
parameters = '{"type": "object"}'
"""
)


def test_a_schema_is_read_as_json_and_as_a_table():
    """JSON as providers print it, over several lines if one likes, or TOML."""
    inline = TOOL.replace("""'{"type": "object"}'""", '{ type = "object" }')
    lines = TOOL.replace("""'{"type": "object"}'""", """'''\n{\n  "type": "object"\n}'''""")
    schemas = [decode_profile(text, "a").profile.tools.http[0].parameters for text in (TOOL, inline, lines)]
    assert schemas == [{"type": "object"}] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'slug = "a"\nname = "A"\ninstrctions = ""',
            "a.toml: instrctions: unknown key; did you mean instructions?",
        ),
        ('slug = "a"\nname = "A"\nvoice = "x"', "a.toml: voice: unknown key; did you mean local.voice?"),
        (
            'slug = "a"\nname = "A"\n[local]\nvoise = "x"',
            "a.toml: local.voise: unknown key; did you mean local.voice?",
        ),
        ('slug = "a"\nname = 3', "a.toml: name: got 3, want text"),
        ('slug = "a"', "a.toml: name: got nothing, want text"),
        ('slug = "a"\nname = "A"\nkey = 1', "a.toml: key: got 1, want an npub or env:NAME"),
        ('slug = "a"\nname = "A"\npubkey = "x"', "a.toml: pubkey: unknown key; did you mean key?"),
        ('slug = "A B"\nname = "A"', "a.toml: slug: got 'A B'"),
        ('slug = "a"\nname = ', "a.toml: bad TOML: Invalid value (at the end, line 2)"),
        ("aliases = " + "[" * 5_000, "a.toml: bad TOML: arrays or tables are nested too deeply"),
        ('slug = "a"\nname "A"', "(at line 2, column 6)"),
        (
            'slug = "a"\nname = "A"\n[local]\nsilence_ms = 5',
            "a.toml: local.silence_ms: got 5, want 100 to 5000",
        ),
        (HEAD + "tools = 1", "a.toml: tools: got 1, want a table of settings"),
        (HEAD + "tools.http = 1", "a.toml: tools.http: got 1, want a list of tables"),
        (HEAD + "tools.http = [1]", "a.toml: tools.http: got a list, want a list of tables"),
        (TOOL.replace("{", "["), "a.toml: tools.http[0].parameters: got no JSON (JSON is malformed"),
        (TOOL.replace("object", "objekt"), "a.toml: tools.http[0].parameters.type: got the text 'objekt'"),
        (
            TOOL.replace("url", "uri"),
            "a.toml: tools.http[0].uri: unknown key; did you mean tools.http[0].url?",
        ),
        (TOOL + "method = 'FETCH'", "a.toml: tools.http[0].method: got 'FETCH', want one of GET"),
    ],
)
def test_a_wrong_file_is_named(text: str, message: str):
    """Each mistake gives one line with the file, the key, what was got and what is wanted."""
    with pytest.raises(UsageError) as caught:
        decode_profile(text, "a.toml")
    assert message in str(caught.value)
