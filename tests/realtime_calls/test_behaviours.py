"""The behaviours that systems of this kind got wrong once: each is a test of ours, by its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

THROUGH_CALLS = """
truncate_clamps_to_received manual_and_vad_cut_alike fully_heard_is_not_truncated nothing_heard_deletes
second_item_is_cut late_audio_never_plays newer_reply_survives underrun_is_not_heard one_response_at_a_time
errors_belong_to_their_cause benign_errors_survive nothing_after_close junk_is_survived
transfer_updates_then_speaks transfer_failure_is_a_no_op transfer_keeps_the_trigger tool_runs_once
transcript_in_its_place stale_deltas_lose unknown_predecessor fatal_errors_stop_retries
swap_replays_current_items speech_onset_kept two_sweepers_publish_once capture_failure_keeps_the_call
""".split()

IN_CORE = ["ms_right_for_every_format"]


def names_in(folder: str) -> set[str]:
    """Names of the tests in a folder."""
    return {
        node.name
        for path in (TESTS / folder).glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("name", THROUGH_CALLS)
def test_each_behaviour_is_tested_through_a_call(name: str):
    """A whole call over a real socket shows it."""
    assert f"test_{name}" in names_in("realtime_calls")


@pytest.mark.parametrize("name", IN_CORE)
def test_each_rule_of_arithmetic_is_tested_in_core(name: str):
    """It needs no socket: no format but the call's travels in a call."""
    assert f"test_{name}" in names_in("core")
