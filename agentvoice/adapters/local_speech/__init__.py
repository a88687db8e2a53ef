"""The local engine (classic mode): VAD, then STT, LLM and TTS, on this machine or over HTTP."""
