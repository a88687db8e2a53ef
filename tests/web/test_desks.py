from __future__ import annotations

import pytest

from agentvoice.core.agent import AgentProfile, LocalSettings, StageSettings
from agentvoice.errors import UsageError
from agentvoice.web.desks import check_voices


def test_a_voice_that_is_not_there_is_refused():
    """The local engine has few; an endpoint has voices of its own."""
    check_voices(AgentProfile("ada", "Ada", local=LocalSettings(voice="hibari-low")))
    check_voices(
        AgentProfile(
            "ada", "Ada", local=LocalSettings(voice="alloy", tts=StageSettings(url="http://127.0.0.1:1/v1"))
        )
    )
    with pytest.raises(UsageError, match=r"local\.voice: got 'alloy', want one of hibari"):
        check_voices(AgentProfile("ada", "Ada", local=LocalSettings(voice="alloy")))
