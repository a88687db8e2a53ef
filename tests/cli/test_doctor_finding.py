"""How findings stand in the doctor's list."""

from __future__ import annotations

from agentvoice.cli.doctor_finding import Finding


def test_what_is_not_needed_is_a_note():
    """Only what a call cannot do without is missing."""
    assert Finding("key", True, "").mark == "ok"
    assert Finding("key", False, "").mark == "MISSING"
    assert Finding("speaker", True, "", needed=False).mark == "ok"
    assert Finding("speaker", False, "", needed=False).mark == "note"
