from agentvoice.protocols.realtime.remarks import MAX_KINDS, Remarks


def test_each_kind_is_said_once():
    """A repeated remark is not repeated in the log; a taken one does not come back."""
    remarks = Remarks()
    for _ in range(3):
        remarks.add("a", "line a")
    remarks.add("b", "line b")
    assert remarks.take() == ["line a", "line b"]
    remarks.add("a", "line a")
    assert remarks.take() == []


def test_a_server_that_talks_nonsense_does_not_fill_the_log():
    """The number of different remarks is bounded."""
    remarks = Remarks()
    for number in range(MAX_KINDS + 50):
        remarks.add(str(number), "line")
    assert len(remarks.take()) == MAX_KINDS
