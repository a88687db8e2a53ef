"""`agentvoice key`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
from tests.cli.conftest import Cli


@pytest.fixture
def ready(cli: Cli) -> Cli:
    """The command line with an empty database."""
    assert cli("db", "upgrade").code == 0
    return cli


def test_a_new_key_is_a_private_file(ready: Cli, home: Path):
    """`key new` prints the npub and keeps the nsec in a file of mode 0600; nothing prints it."""
    answer = ready("key", "new", "--label", "spare", "--json")
    npub = answer.document["npub"]
    assert stat.S_IMODE((home / "keys" / npub).stat().st_mode) == 0o600
    for shown in (
        answer,
        ready("key", "list"),
        ready("key", "show", npub),
        ready("key", "show", npub, "--json"),
    ):
        assert "nsec" not in shown.out
    assert "spare" in ready("key", "list").out


def test_an_imported_key_is_revealed_only_on_demand(ready: Cli):
    """The nsec comes from standard input; `show --reveal` alone gives it back."""
    signer = KeySigner.generate()
    imported = ready("key", "import", "--json", stdin=signer.reveal() + "\n")
    assert imported.document["npub"] == signer.npub
    assert signer.reveal() not in imported.out + imported.err
    assert ready("key", "show", signer.npub, "--reveal", "--json").document["nsec"] == signer.reveal()
    assert ready("key", "show", signer.pubkey, "--json").document["npub"] == signer.npub


def test_a_key_is_imported_from_a_file_or_the_environment(
    ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file is copied; a variable stays where it is."""
    in_file, in_variable = KeySigner.generate(), KeySigner.generate()
    (home.parent / "key").write_text(in_file.reveal())
    monkeypatch.setenv("BO_NSEC", in_variable.reveal())
    assert ready("key", "import", f"{home.parent}/key", "--json").document["npub"] == in_file.npub
    assert ready("key", "import", "env:BO_NSEC", "--json").document["reference"] == "env:BO_NSEC"
    assert not (home / "keys" / in_variable.npub).exists()


def test_importing_the_same_key_again_is_no_error(ready: Cli):
    """A script may run twice."""
    signer = KeySigner.generate()
    for _ in range(2):
        assert ready("key", "import", stdin=signer.reveal()).code == 0
    assert len(ready("key", "list", "--json").document["keys"]) == 1


@pytest.mark.parametrize("place", ["argument", "stdin"])
def test_what_is_no_key_is_refused_without_an_echo(ready: Cli, place: str):
    """A secret on the command line and rubbish on standard input are refused, and not repeated."""
    secret = KeySigner.generate().reveal()
    answer = (
        ready("key", "import", secret) if place == "argument" else ready("key", "import", stdin=secret[:-1])
    )
    assert answer.code == 2
    assert secret[:-1] not in answer.err
    assert answer.complaint


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("show", "npub1x"), 2, "NPUB: "),
        (("show", "ff" * 32), 2, "NPUB: "),
        (("import", "/none"), 2, "SOURCE: /none cannot be read"),
        (("import", "env:NOT_SET_HERE"), 3, "the environment variable is not set"),
    ],
)
def test_wrong_input_is_named(ready: Cli, arguments: tuple[str, ...], code: int, message: str):
    """Each refusal is one clear line."""
    answer = ready("key", *arguments)
    assert (answer.code, message in answer.complaint) == (code, True)


def test_an_unknown_key_is_not_found(ready: Cli):
    """A right npub that is not here gives exit code 3."""
    npub = KeySigner.generate().npub
    assert ready("key", "show", npub).code == 3
    assert ready("key", "remove", npub).code == 3


def test_a_key_in_use_is_not_removed(ready: Cli, home: Path):
    """Neither an agent's nor a project's key can be taken away: exit code 4, the file stays."""
    agent = ready("agent", "add", "ada", "--json").document["npub"]
    project = ready("project", "add", "garden", "--new-key", "--json").document["npub"]
    for npub, user in ((agent, "agent 'ada'"), (project, "project 'garden'")):
        answer = ready("key", "remove", npub, "--delete-secret")
        assert answer.code == 4
        assert user in answer.complaint
        assert (home / "keys" / npub).exists()


def test_a_removed_key_can_be_taken_up_again(ready: Cli, home: Path):
    """Forgetting leaves the file, so that `--key NPUB` finds it; --delete-secret does not."""
    npub = ready("key", "new", "--json").document["npub"]
    assert ready("key", "remove", npub, "--json").document == {"removed": npub, "secret_deleted": False}
    assert ready("agent", "add", "ada", "--key", npub, "--json").document["npub"] == npub
    ready("agent", "remove", "ada")
    assert ready("key", "remove", npub, "--delete-secret").code == 0
    assert not (home / "keys" / npub).exists()
    assert ready("agent", "add", "bo", "--key", npub).code == 3


def test_a_key_file_that_others_can_read_is_refused(ready: Cli, home: Path):
    """Exit code 4, with the command that mends it."""
    npub = ready("key", "new", "--json").document["npub"]
    (home / "keys" / npub).chmod(0o644)
    answer = ready("key", "show", npub, "--reveal")
    assert answer.code == 4
    assert "chmod 600" in answer.complaint


def test_a_key_of_systemd_stays_with_systemd(ready: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """`key import credential:NAME` keeps the reference alone; without the credential it is exit code 3."""
    signer = KeySigner.generate()
    credential = home.parent / "credentials" / "ada_nsec"
    credential.parent.mkdir()
    credential.touch(mode=0o600)
    credential.write_text(signer.reveal())
    assert ready("key", "import", "credential:ada_nsec").code == 3
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    imported = ready("key", "import", "credential:ada_nsec", "--json").document
    assert (imported["npub"], imported["reference"]) == (signer.npub, "credential:ada_nsec")
    assert not (home / "keys" / signer.npub).exists()
    assert ready("agent", "add", "ada", "--key", "credential:ada_nsec").code == 0
