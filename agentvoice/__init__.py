"""agentvoice: call your AI agents by voice, and keep what was said as a signed Nostr thread."""

__version__ = "0.1.0"
