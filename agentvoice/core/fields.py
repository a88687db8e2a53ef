"""Frozen values built from plain tables (as TOML gives them), every wrong key named.

A field's type says what is wanted: text, whole number, number, yes or no, list of texts, a nested
dataclass, a list of them (`tuple[Part, ...]`), a table with free names (`Mapping[str, str]`,
`Mapping[str, Any]`). `Annotated[int, Between(1, 9)]` and `Annotated[str, OneOf("a", "b")]` narrow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from agentvoice.core.spelling import hint
from agentvoice.errors import UsageError

T = TypeVar("T")

TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, both allowed."""

    low: float
    high: float

    def allows(self, value: float) -> bool:
        """Whether `value` is inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, init=False)
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        """Allow these words and no others."""
        object.__setattr__(self, "words", words)


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field holds: its plain type, its limit, and of a list or free table the type of its parts."""

    type: type
    limit: Between | OneOf | None = None
    part: Any = str

    @property
    def is_tables(self) -> bool:
        """Whether it is a list of tables."""
        return self.type is tuple and is_dataclass(self.part)

    @property
    def wanted(self) -> str:
        """The field's type and limit in words."""
        if isinstance(self.limit, OneOf):
            return "one of " + ", ".join(self.limit.words)
        if self.is_tables:
            return "a list of tables"
        if self.type is Mapping and self.part is str:
            return "a table of texts"
        names = {
            str: "text",
            int: "a whole number",
            float: "a number",
            bool: "true or false",
            tuple: "a list of texts",
        }
        words = names.get(self.type, "a table")
        if isinstance(self.limit, Between):
            return f"{words} from {_plain(self.limit.low)} to {_plain(self.limit.high)}"
        return words


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def field_kinds(cls: type) -> dict[str, FieldKind]:
    """Return the kind of each field of the dataclass `cls`, in its order."""
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: _kind_of(hints[f.name]) for f in fields(cls)}


def _kind_of(annotation: Any) -> FieldKind:
    limit = None
    if get_origin(annotation) is Annotated:
        annotation, *notes = get_args(annotation)
        limit = next((note for note in notes if isinstance(note, Between | OneOf)), None)
    plain = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    if plain is Mapping:
        return FieldKind(plain, limit, arguments[1])
    return FieldKind(plain, limit, arguments[0] if plain is tuple else str)


def field_default(field: Field[Any]) -> Any:
    """Return a field's default, or MISSING when it must be given."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def walk_fields(cls: type, prefix: str = "") -> list[tuple[str, FieldKind, Any]]:
    """Return (dotted name, kind, default) of every plain field of `cls` and its nested tables."""
    rows: list[tuple[str, FieldKind, Any]] = []
    kinds = field_kinds(cls)
    for field in fields(cls):
        kind = kinds[field.name]
        if is_dataclass(kind.type):
            rows += walk_fields(kind.type, f"{prefix}{field.name}.")
        else:
            rows.append((prefix + field.name, kind, field_default(field)))
    return rows


def build_from_table(
    cls: type[T], table: Mapping[str, Any], *, source: str = "", error: type[UsageError] = UsageError
) -> T:
    """Return `cls` filled from `table`; absent keys keep their defaults.

    Raises `error` for an unknown key (with the nearest right one), a missing one, and a value of
    the wrong type or outside its limit; the message begins with `source` and the dotted key.
    """
    every_name = [name for name, _, _ in walk_fields(cls)]

    def refuse(key: str, words: str) -> UsageError:
        return error(f"{source}: {key}: {words}" if source else f"{key}: {words}")

    def build(part: type[Any], values: Mapping[str, Any], prefix: str) -> Any:
        kinds = field_kinds(part)
        for key in values:
            if key not in kinds:
                raise refuse(prefix + key, "unknown key" + _key_hint(key, prefix, kinds, every_name))
        given: dict[str, Any] = {}
        for field in fields(part):
            if field.name in values:
                given[field.name] = _fill(
                    kinds[field.name], values[field.name], prefix + field.name, build, refuse
                )
            elif field_default(field) is MISSING:
                raise refuse(prefix + field.name, f"got nothing, want {kinds[field.name].wanted}")
        return part(**given)

    built: T = build(cls, table, "")
    return built


def _key_hint(key: str, prefix: str, kinds: Mapping[str, FieldKind], every_name: list[str]) -> str:
    # A right key in the wrong table is the commonest slip after a misspelt one.
    elsewhere = [name for name in every_name if name.rpartition(".")[2] == key]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return hint(key, kinds, prefix)


def _fill(
    kind: FieldKind,
    value: Any,
    name: str,
    build: Callable[[type[Any], Mapping[str, Any], str], Any],
    refuse: Callable[[str, str], UsageError],
) -> Any:
    if is_dataclass(kind.type):
        if not isinstance(value, Mapping):
            raise refuse(name, f"got {describe(value)}, want a table of settings")
        return build(kind.type, value, f"{name}.")
    if kind.is_tables and isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        return tuple(build(kind.part, part, f"{name}[{index}].") for index, part in enumerate(value))
    converted = _convert(kind, value)
    if converted is None:
        raise refuse(name, f"got {describe(value)}, want {kind.wanted}")
    return converted


def _convert(kind: FieldKind, value: Any) -> Any:
    """Return the value as the field's type, or None when it does not fit."""
    if kind.type is tuple:
        if not kind.is_tables and isinstance(value, list | tuple) and _are_texts(value):
            return tuple(value)
        return None
    if kind.type is Mapping:
        return (
            value if isinstance(value, Mapping) and (kind.part is Any or _are_texts(value.values())) else None
        )
    if kind.type is float and type(value) is int:
        value = float(value)
    if type(value) is not kind.type:
        return None
    if isinstance(kind.limit, Between) and not (isinstance(value, int | float) and kind.limit.allows(value)):
        return None
    if isinstance(kind.limit, OneOf) and value not in kind.limit.words:
        return None
    return value


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def describe(value: Any) -> str:
    """Return a wrong value and its type in words, for messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def parse_text(kind: FieldKind, text: str) -> Any:
    """Return `text` (of an environment variable or an option) as a value for `kind`.

    What cannot be read stays text, so that `build_from_table` refuses it by name. Lists are
    separated by commas, and so are the `name=value` pairs of a table.
    """
    if kind.type is bool:
        word = text.strip().casefold()
        return True if word in TRUE_WORDS else False if word in FALSE_WORDS else text
    if kind.type is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind.type is Mapping:
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        is_whole = all(sign for _, sign, _ in pairs)
        return {name.strip(): value.strip() for name, _, value in pairs} if is_whole else text
    if kind.type in (int, float):
        try:
            return kind.type(text.strip())
        except ValueError:
            return text
    return text
