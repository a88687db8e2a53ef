from __future__ import annotations

import os
import stat
import traceback
from pathlib import Path

import pytest

from agentvoice.adapters.key_files import KeyFiles
from agentvoice.adapters.signer import KeySigner
from agentvoice.core.ports import LoadSigner
from agentvoice.errors import AgentVoiceError, InvalidKey, KeyFileRefused, KeyNotHere, NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def files(folder: Path) -> KeyFiles:
    return KeyFiles(folder, {})


def path_of(folder: Path, reference: str) -> Path:
    return folder / reference.removeprefix("file:")


def test_a_new_key_is_stored_privately(files: KeyFiles, folder: Path):
    """`file:<npub>` names a private file in a private folder, and gives the signer back."""
    reference, pubkey = files.create()
    assert files.read(reference).pubkey == pubkey
    path = path_of(folder, reference)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files.list() == (reference,)
    assert [entry.name for entry in folder.iterdir()] == [path.name]  # no draft is left


async def test_it_is_what_the_publisher_asks_for(files: KeyFiles):
    """Its `load` is a core.ports.LoadSigner."""
    reference, pubkey = files.create()
    load: LoadSigner = files.load
    assert (await load(reference)).pubkey == pubkey


def test_the_same_key_again_is_kept(files: KeyFiles, folder: Path):
    """Importing a key that is there changes nothing."""
    signer = KeySigner.generate()
    reference = files.add(signer)
    before = path_of(folder, reference).stat()
    assert files.add(signer) == reference
    after = path_of(folder, reference).stat()
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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o601, 0o620])
async def test_a_file_others_could_read_is_refused(files: KeyFiles, folder: Path, mode: int):
    """Any right of group or others is too many; the message says how to mend it."""
    reference, _ = files.create()
    path_of(folder, reference).chmod(mode)
    with pytest.raises(KeyFileRefused, match=f"mode is {mode:04o}, want 0600: run `chmod 600`"):
        await files.load(reference)


async def test_a_stricter_mode_is_fine(files: KeyFiles, folder: Path):
    """0400 is private too."""
    reference, pubkey = files.create()
    path_of(folder, reference).chmod(0o400)
    assert (await files.load(reference)).pubkey == pubkey


@pytest.mark.parametrize("text", ["", "nonsense", "x" * 5_000, "é"])
async def test_a_file_without_a_key_is_told(files: KeyFiles, folder: Path, text: str):
    """Empty, broken and huge files are InvalidKey and name the file."""
    reference, _ = files.create()
    path_of(folder, reference).write_text(text)
    with pytest.raises(InvalidKey, match=r"key file .*npub1"):
        await files.load(reference)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/hostname"),
        lambda path: path.mkdir(0o700),
        lambda path: os.mkfifo(path, 0o600),
    ],
    ids=["link", "folder", "pipe"],
)
def test_what_is_no_file(files: KeyFiles, folder: Path, make):
    """A link, a folder or a pipe under the name is refused, without waiting for it."""
    signer = KeySigner.generate()
    folder.mkdir(mode=0o700)
    make(folder / signer.npub)
    with pytest.raises(KeyFileRefused):
        files.read(f"file:{signer.npub}")
    with pytest.raises(KeyFileRefused):
        files.add(signer)


async def test_a_key_that_is_not_there(files: KeyFiles):
    """A missing file and an unset variable are NotFound."""
    with pytest.raises(NotFound, match="does not exist"):
        await files.load(f"file:{KeySigner.generate().npub}")
    with pytest.raises(NotFound, match="NOSTR_KEY: the environment variable is not set"):
        await files.load("env:NOSTR_KEY")
    assert files.list() == ()


async def test_a_key_of_the_environment(folder: Path):
    """`env:NAME` is read from the environment it was given."""
    signer = KeySigner.generate()
    files = KeyFiles(folder, {"NOSTR_KEY": signer.reveal(), "PUBLIC": signer.npub})
    assert (await files.load("env:NOSTR_KEY")).pubkey == signer.pubkey
    with pytest.raises(InvalidKey, match="environment variable PUBLIC: got an npub"):
        await files.load("env:PUBLIC")


@pytest.mark.parametrize(
    "reference",
    ["", "plain", "file:", "file:../../etc/passwd", "file:/etc/passwd", "vault:x", "env:", "nsec"],
)
async def test_no_reference_leads_elsewhere(files: KeyFiles, reference: str):
    """A reference that is not one is refused, and a pasted secret is not repeated."""
    text = KeySigner.generate().reveal() if reference == "nsec" else reference
    with pytest.raises(AgentVoiceError) as caught:
        await files.load(text)
    assert len(text) < 40 or text not in str(caught.value)
    assert caught.value.exit_code in (2, 3)


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
    """A folder in the way of the folder is one clear refusal."""
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(KeyFileRefused, match="cannot be written"):
        KeyFiles(tmp_path / "keys", {}).create()


async def test_a_systemd_credential(folder: Path, tmp_path: Path):
    """`credential:NAME` is read from the folder that systemd names, and from nowhere else."""
    signer = KeySigner.generate()
    credential = tmp_path / "credentials" / "ada_nsec"
    credential.parent.mkdir()
    credential.write_text(signer.reveal() + "\n")
    credential.chmod(0o440)  # what an access list of systemd's looks like
    files = KeyFiles(folder, {"CREDENTIALS_DIRECTORY": str(credential.parent)})
    assert (await files.load("credential:ada_nsec")).pubkey == signer.pubkey
    for elsewhere in (
        "credential:../credentials/ada_nsec",
        "credential:..",
        "credential:",
        "credential:/etc/x",
    ):
        with pytest.raises(InvalidKey, match="want the name of a credential"):
            await files.load(elsewhere)


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
async def test_a_credential_that_is_not_here(folder: Path, environment: dict[str, str]):
    """Another process, the daemon, may have it: worth trying again; the unit's line is named."""
    with pytest.raises(KeyNotHere, match="LoadCredential=ada_nsec:PATH"):
        await KeyFiles(folder, environment).load("credential:ada_nsec")


@pytest.mark.parametrize("place", ["file", "env", "credential"])
def test_no_local_variable_shows_a_broken_secret(folder: Path, place: str):
    """A mistyped key is told with no trace of it, even where tracebacks print local variables."""
    signer = KeySigner.generate()
    mistyped = signer.reveal()[:-1] + "b"
    folder.mkdir(mode=0o700)
    path = folder / signer.npub
    path.touch(mode=0o600)
    path.write_text(mistyped)
    environment = Hidden({"ADA": mistyped, "CREDENTIALS_DIRECTORY": str(folder)})
    names = {"file": signer.npub, "env": "ADA", "credential": signer.npub}
    with pytest.raises(InvalidKey, match="does not belong") as caught:
        KeyFiles(folder, environment).read(f"{place}:{names[place]}")
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    here = report.stack.pop(0)  # this test's own frame holds the secret
    assert here.name == "test_no_local_variable_shows_a_broken_secret"
    shown = "".join(report.format())
    assert "Secret(…)" in shown
    assert mistyped[6:30] not in shown


class Hidden(dict[str, str]):
    """An environment; as that of the process, it is no variable of any frame."""

    def __repr__(self) -> str:
        return "environ"
