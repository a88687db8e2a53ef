"""What every test of a session's protocol starts from."""

from __future__ import annotations

import pytest

from agentvoice.protocols.realtime.beta import BETA
from agentvoice.protocols.realtime.dialect import Dialect
from agentvoice.protocols.realtime.ga import GA
from tests.protocols.realtime.conversing import Peer


@pytest.fixture(params=[GA, BETA], ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each dialect in turn."""
    assert isinstance(request.param, Dialect)
    return request.param


@pytest.fixture
def peer(dialect: Dialect) -> Peer:
    """An open session in each dialect."""
    return Peer(dialect=dialect)
