"""Nostr's wire format, one file per NIP, and the thread of a finished call."""
