"""The daemon's HTTP face: health, the call socket, the API for live calls."""
