"""The outside behind core.ports: engines, caller legs, relays, keys, the clock."""
