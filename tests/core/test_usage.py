from agentvoice.core.usage import UsageGroup


def test_a_report_adds_up_by_what_operators_ask_for():
    """These words are options of the command line, in this order."""
    assert [group.value for group in UsageGroup] == ["day", "project", "agent", "engine", "model", "call"]
