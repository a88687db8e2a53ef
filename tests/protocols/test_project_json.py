"""A project as the API takes it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from agentvoice.core.project import Project, PublishPolicy, ThreadShape
from agentvoice.errors import UsageError
from agentvoice.protocols.admin import decode_body
from agentvoice.protocols.project_json import NewProject, ProjectChange, decode_changes


def changes_of(body: bytes) -> dict[str, object]:
    return decode_changes(decode_body(body, ProjectChange))


def test_every_field_of_a_project_can_be_sent():
    """A field that is added to the project is added here, or this fails."""
    own = {"budget_nano_usd_per_month": "budget_usd_per_month"}
    wanted = {own.get(field.name, field.name) for field in fields(Project)}
    assert set(NewProject.__struct_fields__) == wanted
    assert set(ProjectChange.__struct_fields__) == wanted - {"slug"}


def test_only_what_is_given_changes():
    """With its type; what is not there is no change, and false and empty are some."""
    assert changes_of(b"{}") == {}
    assert changes_of(
        b'{"policy": "review", "shape": "single", "chained": false, "readers": [], "relays": ["embedded"]}'
    ) == {
        "policy": PublishPolicy.REVIEW,
        "shape": ThreadShape.SINGLE,
        "chained": False,
        "readers": (),
        "relays": ("embedded",),
    }
    assert decode_changes(decode_body(b'{"slug": "p", "title": "P"}', NewProject)) == {"title": "P"}


def test_a_budget_is_money():
    """A decimal text as in the document; null takes it away."""
    for text, nano in ((b'"12.50"', 12_500_000_000), (b"null", 0)):
        assert changes_of(b'{"budget_usd_per_month": %s}' % text) == {"budget_nano_usd_per_month": nano}
    with pytest.raises(UsageError, match=r"budget_usd_per_month: got 'much', want USD such as 12\.50"):
        changes_of(b'{"budget_usd_per_month": "much"}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"polcy": "off"}', "unknown field `polcy`"),
        (b'{"policy": "secret"}', r"Invalid enum value 'secret' - at `\$.policy`"),
        (b'{"chained": "yes"}', r"Expected `bool`, got `str` - at `\$.chained`"),
        (b'{"relays": "wss://a.example"}', r"Expected `array`, got `str` - at `\$.relays`"),
        (b'{"budget_usd_per_month": 12.5}', r"got `float` - at `\$.budget_usd_per_month`"),
        (b'{"slug": "other"}', "unknown field `slug`"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, words: str):
    """What was got and what is wanted; a slug never changes."""
    with pytest.raises(UsageError, match=words):
        changes_of(body)
