from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from agentvoice.core.secret import Secret


def test_it_is_given_on_request_only():
    """`reveal` gives the value; repr, str and format never do."""
    secret = Secret("hush")
    assert secret.reveal() == "hush"
    assert {repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{[secret]}"[1:-1]} == {"Secret(…)"}


def test_it_is_not_copied_out():
    """Pickling and deep copies are refused."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hush"))
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(Secret("hush"))


def use(value: str) -> int:
    return int(value)


def test_opening_gives_the_result():
    """What the function makes of the secret is returned."""
    assert Secret("7").open_to(use) == 7


def misuse(value: str) -> None:
    try:
        int(value)
    except ValueError:
        raise LookupError("no number") from None


def test_an_error_leaves_the_secret_behind():
    """No frame of the traceback, its local variables shown, holds the secret; nor does a chained error."""
    secret = Secret("hush" + "-hush")
    with pytest.raises(LookupError, match="no number") as caught:
        secret.open_to(misuse)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "hush-hush" not in shown
    assert "Secret(…)" in shown  # the locals were shown
