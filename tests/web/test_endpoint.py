"""How an address of the API reads its question and its body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import MultiDict

from agentvoice.core.fields import Between
from agentvoice.errors import UsageError
from agentvoice.web.endpoint import API, Endpoint, NoQuery, check_texts, read_query


@dataclass(frozen=True, slots=True)
class Days:
    from_: str = ""
    count: Annotated[int, Between(1, 9)] = 1


def asked(query: str) -> Any:
    return make_mocked_request("GET", f"/?{query}")


def test_a_question_is_read_by_its_table():
    """Names and types are the dataclass's; a word of Python's has an underscore there alone."""
    assert read_query(asked("from=today&count=3"), Days) == Days("today", 3)
    assert read_query(asked(""), Days) == Days()
    assert read_query(asked(""), NoQuery) == NoQuery()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("count=10", "count: got 10, want a whole number from 1 to 9"),
        ("cuont=1", "cuont: unknown key; did you mean count?"),
        ("count=1&count=1", "query: got a parameter twice"),
        ("from=%0a", r"'from': got '\\n', want text without control characters"),
    ],
)
def test_a_wrong_question_is_told_what_is_wanted(query: str, words: str):
    """The parameter is named."""
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        read_query(asked(query), Days)


def test_no_text_has_half_a_character():
    """A database takes none; it is shown escaped."""
    with pytest.raises(UsageError, match=r"'slug': got '\\udc80'"):
        check_texts(MultiDict(slug="\udc80"))


def test_an_address_is_below_the_version():
    """The table has what comes after it."""

    async def ask(request: Any) -> None:
        """Ask."""

    assert Endpoint("GET", "/me", ask).full_path == f"{API}/me" == "/api/v1/me"
