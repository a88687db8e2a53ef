"""Settings: one frozen value from three places, later ones win.

1. the defaults (settings), 2. one TOML file, 3. the environment: `AGENTVOICE_<SECTION>__<KEY>`
(load). Secrets are never settings: a setting names where a secret is (secrets).
"""

from agentvoice.config.load import find_config_file, load_settings
from agentvoice.config.secrets import read_secret
from agentvoice.config.settings import (
    BudgetSettings,
    CallSettings,
    DatabaseSettings,
    EnginesSettings,
    HttpSettings,
    KeysSettings,
    LocalEngineSettings,
    LogSettings,
    OpenAIEngineSettings,
    PublishSettings,
    RelaySettings,
    Settings,
    SignInSettings,
    SoundSettings,
)

__all__ = [
    "BudgetSettings",
    "CallSettings",
    "DatabaseSettings",
    "EnginesSettings",
    "HttpSettings",
    "KeysSettings",
    "LocalEngineSettings",
    "LogSettings",
    "OpenAIEngineSettings",
    "PublishSettings",
    "RelaySettings",
    "Settings",
    "SignInSettings",
    "SoundSettings",
    "find_config_file",
    "load_settings",
    "read_secret",
]
