"""The administrator's face: `agentvoice …`.

One file per noun, imported only when it is called: `agentvoice --help` reads the table below and
nothing else, so it stays quick.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from agentvoice import __version__
from agentvoice.cli.frame import Invocation, LazyGroup, Listed
from agentvoice.cli.output import one_line
from agentvoice.errors import AgentVoiceError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 128 + 2  # as a shell reports SIGINT
MAX_COMPLAINT_CHARS = 2_000

COMMANDS = (
    Listed("serve", "agentvoice.cli.serve:serve", "Run the daemon in the foreground (systemd runs this)."),
    Listed("demo", "agentvoice.cli.demo:demo", "Run one whole call, from a recording to a signed thread."),
    Listed("call", "agentvoice.cli.call:call", "Start calls, look at them, hand them over, end them."),
    Listed("agent", "agentvoice.cli.agent:agent", "Add and change the agents that speak."),
    Listed("project", "agentvoice.cli.project:project", "Add and change the projects that calls belong to."),
    Listed("key", "agentvoice.cli.key:key", "Make and import signing keys."),
    Listed("publication", "agentvoice.cli.publication:publication", "Follow threads to their relays."),
    Listed("relay", "agentvoice.cli.relay:relay", "Check the relays that threads go to."),
    Listed("usage", "agentvoice.cli.usage:usage", "Report what calls used and cost."),
    Listed("token", "agentvoice.cli.token:token", "Make and revoke tokens for the page and the API."),
    Listed("model", "agentvoice.cli.model:model", "Install the local engine's models."),
    Listed("db", "agentvoice.cli.db:db", "Create, upgrade and check the database."),
    Listed("config", "agentvoice.cli.config:config", "Check the settings and show where they come from."),
    Listed(
        "doctor", "agentvoice.cli.doctor:doctor", "Check everything a call needs, and say what is missing."
    ),
)

EPILOG = """\b
First steps:
  agentvoice agent add ada --name Ada --instructions "You help at home."
  agentvoice call start ada

\b
Settings come from --config FILE, $AGENTVOICE_CONFIG, ~/.config/agentvoice/agentvoice.toml
or /etc/agentvoice/agentvoice.toml; AGENTVOICE_<SECTION>__<KEY> in the environment wins.
Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 not found, 4 refused."""


@click.group(
    cls=LazyGroup,
    commands_listed=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(__version__, prog_name="agentvoice", message="%(prog)s %(version)s")
def cli() -> None:
    """Call your AI agents by voice; each finished call becomes a signed thread on Nostr."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr."""
    invocation = Invocation()
    try:
        answer = cli.main(list(arguments), prog_name="agentvoice", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        # The reader went away (`| head`): the answer is not whole, but that is no news to anybody.
        # Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        _complain(_usage_line(error), invocation)
        return error.exit_code
    except AgentVoiceError as error:
        _complain(str(error), invocation)
        return error.exit_code
    except Exception as error:  # the last net: one line for people, the traceback on demand
        hint = "" if invocation.debug else " (a defect: --debug shows where)"
        _complain(f"{type(error).__name__}: {error}{hint}", invocation)
        return EXIT_FAILED


def _complain(message: str, invocation: Invocation) -> None:
    if invocation.debug:
        traceback.print_exc()
    click.echo(f"agentvoice: {one_line(message, limit=MAX_COMPLAINT_CHARS)}", err=True)


def _usage_line(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} (see {error.ctx.command_path} --help)"
    return message
