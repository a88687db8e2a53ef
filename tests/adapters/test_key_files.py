"""The key files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agentvoice.adapters.key_files import KeyFiles, KeyForm, form_of
from agentvoice.adapters.signer import KeySigner
from agentvoice.core.secret import Secret
from agentvoice.errors import AgentVoiceError, InvalidKey, KeyFileRefused, NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def files(folder: Path) -> KeyFiles:
    return KeyFiles(folder)


def test_a_new_key_is_stored_privately(files: KeyFiles, folder: Path):
    """`file:<npub>` names a private file in a private folder, and gives the key back."""
    reference, pubkey = files.create()
    assert KeySigner.from_text("key", files.read_text(reference)).pubkey == pubkey
    path = files.path(reference)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files.list() == (reference,)
    assert [entry.name for entry in folder.iterdir()] == [path.name]  # no draft is left


def test_the_same_key_again_is_kept(files: KeyFiles):
    """Importing a key that is there changes nothing."""
    signer = KeySigner.generate()
    reference = files.add(signer)
    before = files.path(reference).stat()
    assert files.add(signer) == reference
    after = files.path(reference).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_key_file_is_never_overwritten(files: KeyFiles, folder: Path):
    """Whatever stands under the name stays, and is told."""
    signer, other = KeySigner.generate(), KeySigner.generate()
    folder.mkdir(mode=0o700)
    path = folder / signer.npub
    path.write_text(other.reveal())
    path.chmod(0o600)
    with pytest.raises(InvalidKey, match="holds the key of"):
        files.add(signer)
    assert path.read_text() == other.reveal()


def test_another_form_is_written_only_to_replace(files: KeyFiles, folder: Path):
    """A key in clear does not silently take the place of an encrypted one, nor the reverse."""
    signer = KeySigner.generate()
    sealed = Secret("ncryptsec1" + "q" * 150)
    reference = files.add_text(signer.npub, sealed)
    with pytest.raises(KeyFileRefused, match="in another form: `agentvoice key import --replace`"):
        files.add(signer)
    assert files.read_text(reference).reveal() == sealed.reveal() + "\n"
    assert files.add_text(signer.npub, sealed) == reference
    files.add_text(signer.npub, Secret(signer.reveal()), replace=True)
    assert files.read_text(reference).reveal() == signer.reveal() + "\n"
    assert [entry.name for entry in folder.iterdir()] == [signer.npub]
    assert stat.S_IMODE(files.path(reference).stat().st_mode) == 0o600


def test_removing(files: KeyFiles):
    """A removed key is gone; removing it again, or what is no file, is told."""
    reference, _ = files.create()
    files.remove(reference)
    assert files.list() == ()
    with pytest.raises(NotFound):
        files.remove(reference)
    with pytest.raises(InvalidKey, match="want file:<npub>"):
        files.remove("env:NAME")


def test_a_folder_that_cannot_be(tmp_path: Path):
    """A folder in the way of the folder is one clear refusal; no folder is no keys."""
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(KeyFileRefused, match="cannot be written"):
        KeyFiles(tmp_path / "keys").create()
    assert KeyFiles(tmp_path / "none").list() == ()


def test_a_file_that_cannot_be_removed(files: KeyFiles, folder: Path):
    """A folder under the name is told, not deleted."""
    signer = KeySigner.generate()
    (folder / signer.npub).mkdir(parents=True)
    with pytest.raises(KeyFileRefused, match="cannot be removed"):
        files.remove(f"file:{signer.npub}")


@pytest.mark.parametrize("reference", ["file:", "file:../../etc/passwd", "file:/etc/passwd", "file:npub1x"])
def test_no_reference_leads_elsewhere(files: KeyFiles, reference: str):
    """A file's name is an npub, so that no path can be smuggled in."""
    with pytest.raises(AgentVoiceError) as caught:
        files.read_text(reference)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("nsec1qqq", KeyForm.PLAIN),
        ("ab" * 32, KeyForm.PLAIN),
        ("", KeyForm.PLAIN),
        (" NCRYPTSEC1QQ\n", KeyForm.ENCRYPTED),
        ("bunker://abc?relay=wss://x\nnsec1q\n", KeyForm.BUNKER),
        ("https://example.com", KeyForm.BUNKER),
    ],
)
def test_what_a_text_means_to_be(text: str, form: KeyForm):
    """Right or wrong, a text is judged as what it looks like."""
    assert form_of(text) is form
