"""`agentvoice key`: encrypted keys, changes of place and form, and who can sign."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from agentvoice.adapters.key_files import KeyFiles
from agentvoice.adapters.signer import KeySigner
from agentvoice.core.secret import Secret
from agentvoice.protocols.nostr import nip49
from agentvoice.protocols.nostr.nip19 import decode_secret
from agentvoice.protocols.nostr.nip46 import BunkerAddress, BunkerLink, encode_link
from tests.cli.conftest import Cli

PASSPHRASE = "correct horse battery stäple"


@pytest.fixture
def ready(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line with an empty database and a passphrase."""
    assert cli("db", "upgrade").code == 0
    monkeypatch.setenv("PASS", PASSPHRASE)
    monkeypatch.setenv("AGENTVOICE_KEYS__PASSPHRASE", "env:PASS")
    return cli


def seal(signer: KeySigner, passphrase: str = PASSPHRASE) -> str:
    """An ncryptsec that costs next to nothing to open."""
    secret = decode_secret("nsec", signer.reveal())
    return nip49.encrypt_secret(Secret(secret), Secret(passphrase), os.urandom(16), os.urandom(24), log_n=2)


def stored_text(home: Path, npub: str) -> str:
    """What the database holds in its column of encrypted keys."""
    with sqlite3.connect(home / "agentvoice.db") as connection:
        [(text,)] = connection.execute("select ncryptsec from signing_key where npub = ?", (npub,)).fetchall()
    connection.close()
    return str(text)


def test_a_new_key_in_the_database(ready: Cli, home: Path):
    """It lies there encrypted and nowhere else, can be used at once, and is revealed on demand."""
    made = ready("key", "new", "--store", "database", "--json").document
    assert made["reference"] == f"ncryptsec:{made['npub']}"
    assert not (home / "keys").exists()
    shown = ready("key", "show", made["npub"], "--reveal", "--json").document
    assert (shown["form"], shown["can_sign"], shown["reason"]) == ("encrypted", True, "")
    signer = KeySigner.from_text("nsec", shown["nsec"])
    assert signer.npub == made["npub"]
    opened = nip49.decrypt_secret("x", stored_text(home, signer.npub), Secret(PASSPHRASE)).reveal()
    assert opened == decode_secret("nsec", shown["nsec"])
    assert ready("agent", "add", "ada", "--key", made["npub"]).code == 0


def test_an_encrypted_key_is_kept_as_it_came(ready: Cli, home: Path):
    """An ncryptsec is never stored in clear, neither in the database nor in a file."""
    inside, outside = KeySigner.generate(), KeySigner.generate()
    sealed = seal(inside)
    answer = ready("key", "import", "--store", "database", "--json", stdin=sealed.upper() + "\n")
    assert (answer.document["npub"], answer.document["can_sign"]) == (inside.npub, True)
    assert stored_text(home, inside.npub) == sealed
    sealed = seal(outside)
    answer = ready("key", "import", "--json", stdin=sealed)
    path = home / "keys" / outside.npub
    assert (answer.document["reference"], path.read_text()) == (f"file:{outside.npub}", sealed + "\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ready("key", "show", outside.npub, "--reveal", "--json").document["nsec"] == outside.reveal()


def test_a_passphrase_by_reference(ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """An ncryptsec with another passphrase gets that of the settings; where that is not here it stays as it came."""
    signer = KeySigner.generate()
    path = home.parent / "pass"
    path.touch(mode=0o600)
    path.write_text("another\n")
    sealed = seal(signer, "another")
    refused = ready("key", "import", stdin=sealed)
    assert (
        refused.code,
        "ncryptsec: the passphrase that was given does not open it" in refused.complaint,
    ) == (
        3,
        True,
    )
    taken = ready("key", "import", "--store", "database", "--passphrase", f"file:{path}", stdin=sealed)
    assert (taken.code, "cannot sign" in taken.out) == (0, False)
    opened = nip49.decrypt_secret("x", stored_text(home, signer.npub), Secret(PASSPHRASE))
    assert opened.reveal() == decode_secret("nsec", signer.reveal())
    monkeypatch.delenv("PASS")
    arguments = ("--store", "database", "--replace", "--passphrase", f"file:{path}")
    taken = ready("key", "import", *arguments, stdin=sealed)
    assert "cannot sign here yet: keys.passphrase env:PASS" in taken.out
    assert stored_text(home, signer.npub) == sealed


@pytest.mark.parametrize("store", ["file", "database"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda signer: signer.npub, "nsec: got an npub (a public key), want an nsec or 64 hex digits"),
        (lambda signer: signer.reveal()[:-1] + "b", "nsec: "),
        (lambda signer: "ab" * 31, "nsec: got 62 hex digits, want 64"),
        (lambda signer: "00" * 32, "nsec: got a number that is no secret key (out of secp256k1's range)"),
        (lambda signer: "ff" * 32, "nsec: got a number that is no secret key (out of secp256k1's range)"),
        (lambda signer: "", "nsec: got nothing, want an nsec or 64 hex digits"),
        (lambda signer: seal(signer)[:-2], "ncryptsec: the checksum is wrong"),
        (lambda signer: "ncryptsec1", "ncryptsec: "),
    ],
    ids=["npub", "checksum", "short", "zero", "range", "nothing", "ncryptsec", "empty"],
)
def test_each_wrong_key_has_its_error(ready: Cli, home: Path, content, words: str, store: str):
    """Exit code 2, one line that names what was got and is wanted, never repeats it, and nothing is kept."""
    text = content(KeySigner.generate())
    answer = ready("key", "import", "--store", store, stdin=text)
    assert (answer.code, words in answer.complaint) == (2, True), answer.err
    assert len(text) < 20 or text not in answer.err
    assert ready("key", "list", "--json").document["keys"] == []
    assert not list((home / "keys").glob("*"))


def test_a_known_key_moves_only_when_asked(ready: Cli, home: Path):
    """From its file to the database and back, with the same npub, under an agent that uses it."""
    npub = ready("agent", "add", "ada", "--json").document["npub"]
    path = home / "keys" / npub
    nsec = path.read_text()
    assert "--replace" in ready("key", "import", "--store", "database", stdin=nsec).complaint
    assert path.exists()
    moved = ready("key", "import", "--store", "database", "--replace", stdin=nsec)
    assert "its key file is deleted" in moved.out
    assert not path.exists()
    assert ready("key", "show", npub, "--json").document["can_sign"]
    back = ready("key", "import", "--replace", "--json", stdin=nsec).document
    assert (back["reference"], path.read_text()) == (f"file:{npub}", nsec)
    assert stored_text(home, npub) == ""


def test_the_file_stays_until_the_new_place_signs(ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """Without the passphrase here, or for a variable, the only copy might be lost: the file is named instead."""
    npub = ready("key", "new", "--json").document["npub"]
    path = home / "keys" / npub
    monkeypatch.setenv("OTHER", "another")
    monkeypatch.setenv("ADA", path.read_text())
    for arguments in (("--store", "database", "--passphrase", "env:OTHER"), ("env:ADA",)):
        stdin = path.read_text()
        moved = ready("key", "import", "--replace", *arguments, stdin=stdin)
        assert f"its key file stays, delete it yourself: {path}" in moved.out
        assert path.exists()
        assert ready("key", "import", "--replace", stdin=stdin).code == 0


def test_a_form_is_replaced_in_place(ready: Cli, home: Path):
    """The nsec of a file becomes an ncryptsec when asked, and is put back when the command fails."""
    signer = KeySigner.generate()
    assert ready("key", "import", stdin=signer.reveal()).code == 0
    sealed = seal(signer)
    path = home / "keys" / signer.npub
    refused = ready("key", "import", stdin=sealed)
    assert (refused.code, "in another form" in refused.complaint) == (4, True)
    assert ready("key", "import", "--replace", stdin=sealed).code == 0
    assert path.read_text() == sealed + "\n"
    assert ready("key", "remove", signer.npub).code == 0
    assert ready("key", "import", "--replace", stdin=signer.reveal()).code == 3  # it is not known any more
    assert path.read_text() == sealed + "\n"


def test_a_key_of_the_database_is_not_lost_by_mistake(ready: Cli):
    """Forgetting it would delete the secret: that wants --delete-secret."""
    npub = ready("key", "new", "--store", "database", "--json").document["npub"]
    refused = ready("key", "remove", npub)
    assert (refused.code, "--delete-secret deletes it for good" in refused.complaint) == (4, True)
    assert ready("key", "show", npub).code == 0
    removed = ready("key", "remove", npub, "--delete-secret", "--json").document
    assert removed == {"removed": npub, "secret_deleted": True}


def test_who_can_sign_here(ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """`list` and `show` say of each key whether this process can sign, and why not."""
    monkeypatch.setenv("ADA", KeySigner.generate().reveal())
    in_file = ready("key", "new", "--json").document["npub"]
    inside = ready("key", "new", "--store", "database", "--json").document["npub"]
    variable = ready("key", "import", "env:ADA", "--json").document["npub"]
    monkeypatch.delenv("ADA")
    monkeypatch.delenv("PASS")
    (home / "keys" / in_file).chmod(0o644)
    wanted = {
        in_file: (None, "chmod 600"),
        inside: ("encrypted", "keys.passphrase env:PASS: the environment variable is not set here"),
        variable: (None, "key env:ADA: the environment variable is not set here"),
    }
    listed = ready("key", "list", "--json").document["keys"]
    assert {each["npub"] for each in listed} == set(wanted)
    for each in listed:
        form, words = wanted[each["npub"]]
        assert (each["form"], each["can_sign"], words in each["reason"]) == (form, False, True)
    text = ready("key", "list").out
    assert "env:ADA" in text
    assert "the database" in text
    assert text.count("no: ") == 3
    assert "no: key env:ADA" in ready("key", "show", variable).out


def test_what_cannot_be_revealed(ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """A variable of another process is exit code 3, a bunker's key 4; each says why."""
    monkeypatch.setenv("ADA", KeySigner.generate().reveal())
    variable = ready("key", "import", "env:ADA", "--json").document["npub"]
    monkeypatch.delenv("ADA")
    answer = ready("key", "show", variable, "--reveal")
    assert (answer.code, "is not set here" in answer.complaint) == (3, True)
    npub = ready("agent", "add", "ada", "--json").document["npub"]
    link = BunkerLink(
        BunkerAddress(KeySigner.generate().pubkey, ("wss://r.example",)), Secret(bytes.fromhex("11" * 32))
    )
    KeyFiles(home / "keys").add_text(npub, encode_link(link), replace=True)
    answer = ready("key", "show", npub, "--reveal")
    assert (answer.code, "a bunker holds the secret key" in answer.complaint) == (4, True)
    assert "yes, by its bunker" in ready("key", "show", npub).out
    assert ready("key", "show", npub, "--json").document["form"] == "bunker"


def test_secrets_are_no_arguments(ready: Cli):
    """Neither a passphrase nor a key is taken from the command line, nor repeated."""
    nsec = KeySigner.generate().reveal()
    for arguments in (
        ("key", "new", "--store", "database", "--passphrase", PASSPHRASE),
        ("key", "import", nsec),
        ("key", "show", nsec),
        ("key", "remove", nsec),
        ("key", "new", "--store", "database", "--passphrase", f"env:{nsec}"),
    ):
        answer = ready(*arguments)
        assert answer.code == 2
        assert PASSPHRASE not in answer.err
        assert nsec not in answer.err
    unused = ready("key", "new", "--passphrase", "env:PASS")
    assert (unused.code, "--store database encrypts it" in unused.complaint) == (2, True)
    refused = ready("key", "import", "--store", "database", "env:ADA")
    assert (refused.code, "--store: got database, want none" in refused.complaint) == (2, True)
