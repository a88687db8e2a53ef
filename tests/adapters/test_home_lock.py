from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agentvoice.adapters.home_lock import own_home
from agentvoice.errors import Refused


def test_a_home_has_one_daemon_at_a_time(tmp_path: Path):
    """The second is refused by name; after the first let go, the next may come."""
    home = tmp_path / "home"
    let_go = own_home(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    with pytest.raises(Refused, match=r"serve: a daemon runs in .*home already"):
        own_home(home)
    let_go()
    own_home(home)()


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path):
    """Something else is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"daemon\.lock cannot be written"):
        own_home(tmp_path / "file" / "home")
