from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.mcp_servers import McpServers
from agentvoice.protocols.realtime.remarks import Remarks


def test_a_failed_listing_names_its_server_once():
    """By the label of the item that lists its tools; one that nobody saw has none."""
    remarks = Remarks()
    servers = McpServers(remarks)
    servers.placed("l1", "mcp_list_tools", "docs")
    for item in ("l1", "l1", "l2"):
        assert list(servers.listing_failed(se.McpListingFailed(item))) == []
    assert remarks.take() == [
        "the provider could not list the tools of the MCP server docs",
        "the provider could not list the tools of the MCP server (unnamed)",
    ]


def test_an_approval_that_nobody_gives_is_remarked_on():
    """The model waits for it; the operator finds the server's label in the log."""
    remarks = Remarks()
    McpServers(remarks).placed("r1", "mcp_approval_request", "docs")
    assert remarks.take() == ["the MCP server docs waits for an approval, which nobody can give here"]
