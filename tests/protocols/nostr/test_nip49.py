from __future__ import annotations

import json
from pathlib import Path

import nostr_sdk
import pytest

from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey
from agentvoice.protocols.nostr import nip49
from agentvoice.protocols.nostr.bech32 import encode_bech32
from tests.fakes.nostr_tools import ask_nostr_tools

VECTOR = json.loads((Path(__file__).parents[2] / "vectors/nip49.json").read_text())
SECRET = bytes.fromhex(VECTOR["secret"])
CHEAP = 4
"""A log_n for tests: 16 KiB of memory instead of 64 MiB."""

PASSPHRASES = ["nostr", "correct horse battery staple", "Ångström Ωmega ẛ̣ 🔑", "x"]


def encrypt(passphrase: str, log_n: int = CHEAP) -> str:
    return nip49.encrypt_secret(Secret(SECRET), Secret(passphrase), bytes(range(16)), bytes(24), log_n)


def decrypt(text: str, passphrase: str) -> bytes:
    return nip49.decrypt_secret("key", text, Secret(passphrase)).reveal()


def test_the_vector_of_the_standard():
    """NIP-49's own ncryptsec gives NIP-49's own key."""
    assert decrypt(VECTOR["ncryptsec"], VECTOR["passphrase"]) == SECRET


def test_one_passphrase_typed_in_two_ways():
    """Unicode's two forms of the same letters are the same passphrase (NFKC)."""
    one, other = VECTOR["one_passphrase_in_two_forms"]
    assert one != other
    assert decrypt(encrypt(one), other) == SECRET


@pytest.mark.parametrize("passphrase", PASSPHRASES)
def test_an_independent_library_agrees(passphrase: str):
    """nostr-sdk opens what we write, and we open what it writes."""
    theirs = nostr_sdk.EncryptedSecretKey.from_bech32(encrypt(passphrase))
    assert theirs.decrypt(passphrase).to_hex() == VECTOR["secret"]
    key = nostr_sdk.SecretKey.parse(VECTOR["secret"])
    written = nostr_sdk.EncryptedSecretKey(key, passphrase, CHEAP, nostr_sdk.KeySecurity.MEDIUM)
    assert decrypt(written.to_bech32(), passphrase) == SECRET


def test_another_language_agrees():
    """The peer of npm, nostr-tools, opens what we write, and we open what it writes."""
    opened = ask_nostr_tools(
        [{"do": "decrypt49", "ncryptsec": encrypt(each), "passphrase": each} for each in PASSPHRASES]
    )
    assert opened == [VECTOR["secret"]] * len(PASSPHRASES)
    steps = [
        {"do": "encrypt49", "secret": VECTOR["secret"], "passphrase": each, "logN": CHEAP}
        for each in PASSPHRASES
    ]
    for written, passphrase in zip(ask_nostr_tools(steps), PASSPHRASES, strict=True):
        assert decrypt(written, passphrase) == SECRET


def test_ours_take_work():
    """A key is encrypted with 64 MiB of work unless a test asks for less."""
    text = nip49.encrypt_secret(Secret(SECRET), Secret("x"), bytes(16), bytes(24))
    assert nip49.decode_ncryptsec("key", text).log_n == nip49.LOG_N == 16


def test_a_wrong_passphrase():
    """It is told as such; blanks count."""
    for wrong in ("Nostr", "nostr ", ""):
        with pytest.raises(InvalidKey, match="key: the passphrase is wrong"):
            decrypt(encrypt("nostr"), wrong)


def form(version: int = 2, log_n: int = CHEAP, length: int = 91, prefix: str = "ncryptsec") -> str:
    return encode_bech32(prefix, (bytes((version, log_n)) + bytes(89))[:length])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not bech32"),
        (encrypt("x")[:-1] + "q", "checksum is wrong"),
        (form(prefix="nsec"), "another kind of key, want an ncryptsec"),
        (form(version=1), "unknown form"),
        (form(length=90), "unknown form"),
        (form(log_n=0), "log_n 0, want 1 to 20"),
        (form(log_n=21), "log_n 21, want 1 to 20"),
        (form(log_n=255), "log_n 255"),
    ],
)
def test_what_is_no_ncryptsec(text: str, words: str):
    """Each is named before any work is done; a pasted text cannot ask for gigabytes."""
    with pytest.raises(InvalidKey, match=f"key: .*{words}"):
        nip49.decode_ncryptsec("key", text)


def test_a_changed_byte_of_the_head_is_found():
    """How the key was handled is authenticated too."""
    sealed = nip49.decode_ncryptsec("key", encrypt("nostr"))
    head = bytes((2, sealed.log_n)) + sealed.salt + sealed.nonce
    with pytest.raises(InvalidKey, match="passphrase is wrong"):
        decrypt(encode_bech32("ncryptsec", head + b"\x01" + sealed.ciphertext), "nostr")
