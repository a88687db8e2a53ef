"""Frozen values from plain tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from agentvoice.core.fields import (
    Between,
    FieldKind,
    OneOf,
    build_from_table,
    field_kinds,
    parse_text,
    walk_fields,
)
from agentvoice.errors import ConfigError, UsageError


@dataclass(frozen=True)
class Inner:
    port: Annotated[int, Between(0, 9)] = 1
    ratio: Annotated[float, Between(0.5, 2)] = 1.0


@dataclass(frozen=True)
class Outer:
    name: str
    mode: Annotated[str, OneOf("fast", "slow")] = "fast"
    is_on: bool = False
    tags: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)


def test_a_whole_table_becomes_the_value():
    """Every kind of field is filled; a whole number is taken where a number is wanted."""
    table = {"name": "x", "mode": "slow", "is_on": True, "tags": ["a", "b"], "inner": {"port": 9, "ratio": 2}}
    built = build_from_table(Outer, table)
    assert built == Outer("x", "slow", True, ("a", "b"), Inner(9, 2.0))
    assert isinstance(built.inner.ratio, float)


def test_absent_keys_keep_their_defaults():
    """What is not said stays as it is by default."""
    assert build_from_table(Outer, {"name": "x"}) == Outer("x")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "name: got nothing, want text"),
        ({"name": 1}, "name: got 1, want text"),
        ({"name": True}, "name: got true, want text"),
        ({"name": ["a"]}, "name: got a list, want text"),
        ({"name": {"a": 1}}, "name: got a table, want text"),
        ({"name": "x", "nmae": 1}, "nmae: unknown key; did you mean name?"),
        ({"name": "x", "port": 1}, "port: unknown key; did you mean inner.port?"),
        ({"name": "x", "zzz": 1}, "zzz: unknown key; want one of inner, is_on, mode, name, tags"),
        ({"name": "x", "mode": "quick"}, "mode: got the text 'quick', want one of fast, slow"),
        ({"name": "x", "is_on": 1}, "is_on: got 1, want true or false"),
        ({"name": "x", "tags": "a"}, "tags: got the text 'a', want a list of texts"),
        ({"name": "x", "tags": ["a", 1]}, "tags: got a list, want a list of texts"),
        ({"name": "x", "inner": 1}, "inner: got 1, want a table of settings"),
        ({"name": "x", "inner": {"prot": 1}}, "inner.prot: unknown key; did you mean inner.port?"),
        ({"name": "x", "inner": {"port": 10}}, "inner.port: got 10, want a whole number from 0 to 9"),
        ({"name": "x", "inner": {"port": 1.0}}, "inner.port: got 1.0, want a whole number from 0 to 9"),
        ({"name": "x", "inner": {"port": True}}, "inner.port: got true, want a whole number from 0 to 9"),
        ({"name": "x", "inner": {"ratio": 0.4}}, "inner.ratio: got 0.4, want a number from 0.5 to 2"),
        (
            {"name": "x", "inner": {"ratio": float("nan")}},
            "inner.ratio: got nan, want a number from 0.5 to 2",
        ),
    ],
)
def test_a_wrong_table_is_named(table: dict[str, Any], message: str):
    """The message has the dotted key, what was got and what is wanted."""
    with pytest.raises(UsageError) as caught:
        build_from_table(Outer, table)
    assert str(caught.value) == message


def test_the_source_and_the_error_are_the_callers():
    """A settings file is named, and its error is a ConfigError."""
    with pytest.raises(ConfigError, match=r"^a\.toml: name: got 1, want text$"):
        build_from_table(Outer, {"name": 1}, source="a.toml", error=ConfigError)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (bool, "Yes", True),
        (bool, "off", False),
        (bool, "maybe", "maybe"),
        (int, " 7 ", 7),
        (int, "7.5", "7.5"),
        (float, "0.5", 0.5),
        (float, "x", "x"),
        (tuple, "a, b,,", ["a", "b"]),
        (str, " 7 ", " 7 "),
    ],
)
def test_texts_of_the_environment_become_values(kind: type, text: str, value: Any):
    """What cannot be read stays text, to be refused by name."""
    assert parse_text(FieldKind(kind), text) == value


def test_fields_are_walked_with_their_dotted_names():
    """Nested tables are walked through; a field without default shows as missing."""
    names = [name for name, _, _ in walk_fields(Outer)]
    assert names == ["name", "mode", "is_on", "tags", "inner.port", "inner.ratio"]
    assert field_kinds(Outer)["inner"].wanted == "a table"


@dataclass(frozen=True)
class Labelled:
    labels: Mapping[str, str] = field(default_factory=dict)


def test_a_table_of_texts_is_taken_whole():
    """Its keys are the operator's own; other values than texts are refused by the table's name."""
    assert build_from_table(Labelled, {"labels": {"a b": "x"}}) == Labelled({"a b": "x"})
    for wrong in ({"labels": {"a": 1}}, {"labels": "a=1"}):
        with pytest.raises(UsageError, match=r"^labels: got .*, want a table of texts$"):
            build_from_table(Labelled, wrong)


def test_a_table_of_texts_is_read_from_pairs():
    """An option or a variable says it as name=value pairs; what is no pair stays text, to be refused."""
    kind = field_kinds(Labelled)["labels"]
    assert parse_text(kind, "a=1, b = two=2") == {"a": "1", "b": "two=2"}
    assert parse_text(kind, "a") == "a"


@dataclass(frozen=True)
class Part:
    name: str
    size: int = 1


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


def test_lists_of_tables_and_free_tables_are_filled():
    """`[[parts]]`, and tables whose names nobody knows before."""
    table = {"parts": [{"name": "a"}, {"name": "b", "size": 2}], "texts": {"x": "y"}, "free": {"z": [1, {}]}}
    built = build_from_table(Whole, table)
    assert built == Whole((Part("a"), Part("b", 2)), {"x": "y"}, {"z": [1, {}]})
    kinds = field_kinds(Whole)
    assert [kind.is_tables for kind in kinds.values()] == [True, False, False, False]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"parts": {"name": "a"}}, "parts: got a table, want a list of tables"),
        ({"parts": ["a"]}, "parts: got a list, want a list of tables"),
        ({"parts": [{"name": "a"}, {}]}, "parts[1].name: got nothing, want text"),
        ({"parts": [{"name": "a", "siez": 1}]}, "parts[0].siez: unknown key; did you mean parts[0].size?"),
        ({"texts": {"x": 1}}, "texts: got a table, want a table of texts"),
        ({"texts": "x"}, "texts: got the text 'x', want a table of texts"),
        ({"free": 1}, "free: got 1, want a table"),
    ],
)
def test_wrong_lists_of_tables_and_free_tables_are_named(table: dict[str, Any], message: str):
    """With the number of the table, from 0."""
    with pytest.raises(UsageError) as caught:
        build_from_table(Whole, table)
    assert str(caught.value) == message
