"""Settings from file and environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentvoice.config import Settings, find_config_file, load_settings
from agentvoice.config.load import changed_settings, is_own_home
from agentvoice.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "agentvoice.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ or {"HOME": str(folder)})
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_without_file_all_is_default(tmp_path: Path):
    """Nothing needs to be configured; only the home becomes absolute."""
    settings = load_settings(None, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none")})
    assert settings.home == str(tmp_path / ".local" / "share" / "agentvoice")
    assert set(changed_settings(settings)) == {"home"}


def test_the_environment_wins_over_the_file(tmp_path: Path):
    """Defaults, then the file, then the environment."""
    path = written(tmp_path, '[http]\nport = 1\nhost = "::1"\n[engines.openai]\nping_timeout_s = 3')
    environ = {
        "HOME": "/h",
        "AGENTVOICE_HTTP__PORT": "2",
        "AGENTVOICE_ENGINES__OPENAI__ALLOW_PLAIN_WS": "yes",
    }
    settings = load_settings(path, environ)
    assert (settings.http.port, settings.http.host) == (2, "::1")
    assert (settings.engines.openai.ping_timeout_s, settings.engines.openai.allow_plain_ws) == (3.0, True)
    assert settings.calls == Settings().calls


def test_home_is_found_in_its_order(tmp_path: Path):
    """AGENTVOICE_HOME, then the file's home, then the XDG data folder, then ~/.local/share."""
    path = written(tmp_path, 'home = "~/data"')
    home = str(tmp_path)
    assert load_settings(path, {"HOME": home, "AGENTVOICE_HOME": "/a"}).home == "/a"
    assert load_settings(path, {"HOME": home}).home.endswith("/data")
    assert load_settings(None, {"HOME": home, "XDG_DATA_HOME": "/x"}).home == "/x/agentvoice"


def test_the_config_file_is_found_in_its_order(tmp_path: Path):
    """--config, then AGENTVOICE_CONFIG, then the user's own file."""
    user = written(tmp_path / ".config" / "agentvoice", "")
    named, variable = written(tmp_path / "a", ""), written(tmp_path / "b", "")
    environ = {"HOME": str(tmp_path), "AGENTVOICE_CONFIG": str(variable)}
    assert find_config_file(named, environ) == named
    assert find_config_file(None, environ) == variable
    assert find_config_file(None, {"HOME": str(tmp_path)}) == user


@pytest.mark.parametrize("by", ["--config", "AGENTVOICE_CONFIG"])
def test_a_named_file_must_exist(tmp_path: Path, by: str):
    """A file that was named is never silently passed over."""
    missing = str(tmp_path / "none.toml")
    named, environ = (missing, {}) if by == "--config" else (None, {by: missing})
    with pytest.raises(ConfigError, match=f"^{by}: got .*none.toml, want a TOML file that exists"):
        load_settings(named, environ)


def test_a_home_of_nobody_is_named():
    """A path that begins with the home of an unknown user is a wrong path, not a defect."""
    with pytest.raises(ConfigError, match=r"^--config: got '~nobody-of-that-name/x', want a path"):
        load_settings("~nobody-of-that-name/x", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[htpp]\nport = 1", "htpp: unknown key; did you mean http?"),
        ("[http]\nprot = 1", "http.prot: unknown key; did you mean http.port?"),
        (
            "[engines.local]\nthread = 1",
            "engines.local.thread: unknown key; did you mean engines.local.threads?",
        ),
        ("port = 1", "port: unknown key; did you mean http.port?"),
        ('[http]\nport = "1"', "http.port: got the text '1', want a whole number from 0 to 65535"),
        ("[http]\nport = 65536", "http.port: got 65536, want a whole number from 0 to 65535"),
        ("[publish]\nfirst_retry_s = 0", "publish.first_retry_s: got 0, want a number from 0.05 to 86400"),
        ("[log]\nlevel = 'loud'", "log.level: got the text 'loud', want one of debug, info, warning, error"),
        ("http = 1", "http: got 1, want a table of settings"),
        ("a = 1\nb == 2", "bad TOML: Invalid value (at line 2, column 4)"),
        ("a = " + "[" * 5_000, "bad TOML: arrays or tables are nested too deeply"),
        ("a = 1\nb", "bad TOML: Expected '=' after a key in a key/value pair (at the end, line 2)"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str):
    """One line with the file, the key or the line, what was got, what is wanted."""
    assert refusal(tmp_path, text) == message


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (
            "[publish]\nfirst_retry_s = 9\nmax_retry_s = 8",
            "publish.first_retry_s: got 9, want at most publish.max_retry_s",
        ),
        ("project = 'A B'", "project: got 'A B'"),
        ("[http]\nhost = ' '", "http.host: got nothing"),
        ("home = '~nobody-of-that-name/x'", "home: got '~nobody-of-that-name/x', want a path"),
        ("[engines.openai]\nurl = 'wss://[::1'", "engines.openai.url: got a value that is no URL"),
        ("[engines.openai]\nurl = 'ws://u:pw@a.b'", "engines.openai.url: got a user or password in it"),
        ("[engines.openai]\nurl = 'https://a.b'", "engines.openai.url: got 'https://a.b', want wss://"),
        (
            "[engines.openai]\nurl = 'ws://a.b/v1'",
            "engines.openai.url: got 'ws://a.b/v1', want wss://…: ws:// would send",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_named(tmp_path: Path, text: str, begins: str):
    """What no single field shows is checked too."""
    assert refusal(tmp_path, text).startswith(begins)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/x", "ws://localhost/x", "ws://[::1]:2/x", "wss://a.b/x"])
def test_plain_ws_is_allowed_on_loopback(tmp_path: Path, url: str):
    """A server on this machine needs no TLS."""
    path = written(tmp_path, f"[engines.openai]\nurl = '{url}'")
    assert load_settings(path, {"HOME": "/h"}).engines.openai.url == url


def test_a_key_in_the_settings_is_refused_and_not_repeated(tmp_path: Path):
    """Somebody who pastes the API key itself is told where it belongs, without an echo of it."""
    secret = "sk-" + "a1" * 12
    message = refusal(tmp_path, f"[engines.openai]\napi_key = '{secret}'")
    assert secret not in message
    assert "env:NAME, file:PATH or credential:NAME" in message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "AGENTVOICE_HTTP__PRT",
            "1",
            "AGENTVOICE_HTTP__PRT: unknown setting; did you mean AGENTVOICE_HTTP__PORT?",
        ),
        (
            "AGENTVOICE_HTTP__PORT",
            "many",
            "AGENTVOICE_HTTP__PORT: http.port: got the text 'many', want a whole number from 0 to 65535",
        ),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, message: str):
    """A variable is checked like a line of the file."""
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"HOME": "/h", variable: value})
    assert str(caught.value) == message


def test_variables_that_are_no_settings_are_left_alone():
    """A key kept in AGENTVOICE_ADA_NSEC is nobody's misspelt setting."""
    load_settings(None, {"HOME": "/h", "AGENTVOICE_ADA_NSEC": "x"})


def test_bytes_that_are_no_text_are_refused(tmp_path: Path):
    """A file in another encoding is named with the place of the first bad byte."""
    path = tmp_path / "a.toml"
    path.write_bytes(b"project = '\xe9'")
    with pytest.raises(ConfigError, match="at byte 11"):
        load_settings(path, {})


def test_places_follow_from_home(tmp_path: Path):
    """Database, keys and control socket are in the home, unless a database URL is given."""
    settings = load_settings(None, {"HOME": "/h", "AGENTVOICE_HOME": "/a"})
    assert settings.database_place == Path("/a/agentvoice.db")
    assert (settings.keys_folder, settings.control_socket) == (Path("/a/keys"), Path("/a/agentvoice.sock"))
    with_url = load_settings(None, {"HOME": "/h", "AGENTVOICE_DATABASE__URL": "postgresql://u@h/d"})
    assert with_url.database_place == "postgresql://u@h/d"


def test_own_home_is_the_users_or_a_folder_of_theirs(tmp_path: Path):
    """A first command may create the database at home, or in a folder of the user's own."""
    environ = {"HOME": str(tmp_path / "user")}

    def is_own(home: Path) -> bool:
        return is_own_home(load_settings(None, {**environ, "AGENTVOICE_HOME": str(home)}), environ)

    (tmp_path / "made").mkdir()
    (tmp_path / "private").mkdir(mode=0o700)
    assert is_own(tmp_path / "user" / "data")
    assert is_own(tmp_path / "made")
    assert is_own(tmp_path / "private" / "new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_root_makes_no_database_in_a_services_folder(tmp_path: Path):
    """Neither in a folder of another user, nor beside the folders of the system."""
    environ = {"HOME": str(tmp_path / "user")}
    (tmp_path / "service").mkdir()
    os.chown(tmp_path / "service", 65_534, 65_534)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib").chmod(0o755)
    for home in (tmp_path / "service", tmp_path / "service" / "new", tmp_path / "lib" / "agentvoice"):
        settings = load_settings(None, {**environ, "AGENTVOICE_HOME": str(home)})
        assert not is_own_home(settings, environ)
