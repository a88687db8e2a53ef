"""The Realtime API of OpenAI and compatible servers, sans-I/O: text in, events and frames out.

`ga` is the wire format of the GA dialect; `protocol` is the state that any dialect shares.
"""
