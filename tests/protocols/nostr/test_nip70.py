from __future__ import annotations

import pytest

from agentvoice.core.event import Tags
from agentvoice.protocols.nostr.nip70 import PROTECTED, is_protected


@pytest.mark.parametrize(
    ("tags", "protected"),
    [
        ((), False),
        (((),), False),
        ((("t", "-"), ("--",)), False),
        ((("t", "x"), PROTECTED), True),
        ((("-", "no value is wanted"),), True),
    ],
)
def test_the_tag_counts_by_its_name(tags: Tags, protected: bool):
    """A `-` tag anywhere protects; a `-` as a value does not."""
    assert is_protected(tags) is protected
