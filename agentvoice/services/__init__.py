"""What the product does: calls, handovers, publication; reaches the outside through core.ports only."""
