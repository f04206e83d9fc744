"""The entry point: finds the command, and turns every failure into a kind message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import click

from supportctl import __version__
from supportctl.cli.options import common_options, default_language
from supportctl.core import log
from supportctl.core.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, SupportctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A command lives for a fraction of a second and makes few cycles: the collector's default of a pass every
# 700 objects costs it a tenth of its time.
gc.set_threshold(20_000, 20, 50)
# A probe that waits for a device's next byte must not wait for imports as well (default: 5 ms a turn).
sys.setswitchinterval(0.0005)

# name -> (module, one line of help): a command's module is imported when it is called
COMMANDS = {
    "check": (
        "check",
        "Diagnose targets, or this computer, its network and all that the configuration names.",
    ),
    "self-check": ("self_check", "For customers: one word, plain answers, safe steps only."),
    "discover": ("discover", "Find devices, read-only."),
    "identify": ("identify", "Say which device answers at a target."),
    "explain": ("explain", "Explain a finding code: meaning, detection, what to do, who does it."),
    "codes": ("explain", "List all finding codes."),
    "scan-check": ("scan_check", "Diagnose a barcode scan: what is wrong with the scanner's settings."),
    "sync": ("sync", "Say where each call went: telephony and CRM, call by call."),
    "resend": ("resend", "Bring lost calls to the CRM, and see to it that they arrive."),
    "escalation": ("escalation", "Problems that people have to mend: one for each cause."),
    "playbook": ("playbook", "What the desk knows, step by step: find it, run it."),
    "share": ("share", "Let a supporter look at this computer, while you watch."),
    "connect": ("share", "Connect to a customer who shares their computer."),
    "bridge": ("bridge", "Raw bytes to one device over a session, if the customer says yes."),
    "bastion-config": ("share", "Print the configuration of the company's bastion."),
    "bundle": ("bundle", "Pack what support needs to see, without secrets; look into such a packet."),
    "grant": ("grant", "Allow a supporter one signed playbook on this machine, where nobody sits."),
    "audit": ("audit", "The audit logs of remote sessions: has anybody changed one."),
    "config": ("config", "Check and show the configuration, print its schema."),
    "lab": ("lab", "Start a simulated shop and switch its faults."),
}


# commands for other programs: they stand in no list
HIDDEN = {"agent": "agent"}


class ReaderGoneError(Exception):
    """Whoever read our output has seen enough, as in `supportctl codes | head`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and whose help speaks the user's language."""

    # set by supportctl.cli.help when help is asked for in another language than English
    on_load: Callable[[str, click.Command], None] | None = None
    lines: Mapping[str, str] = MappingProxyType({})

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a reader that went away is no failure, while click itself would make it one."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, importing its module."""
        name = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if name is None:
            return None
        module = import_module(f"supportctl.cli.{name}")
        command = cast("click.Command", getattr(module, cmd_name.replace("-", "_")))
        if self.on_load is not None:
            self.on_load(cmd_name, command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lines.get(name, line)) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="supportctl", message="%(prog)s %(version)s")
@common_options
def cli() -> None:
    """Find out what is broken at a till, what to do, and who does it.

    Exit codes: 0 all is well, 1 supportctl failed, 2 wrong usage, 3 a fault, 4 warnings, 5 could not tell,
    6 handed over.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter that an old code page lacks must not end the run
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(_code(words))
    finally:
        _tell_withheld(words)


def _code(words: Sequence[str]) -> int:
    try:
        code = _run(words)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGoneError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        return _tell_click(error, words)
    except SupportctlError as error:
        return _tell(error, words)
    except Exception as error:  # noqa: BLE001  no traceback for a user
        return _tell_bug(error, words)
    return code if isinstance(code, int) else EXIT_OK


def _tell_withheld(words: Sequence[str]) -> None:
    """Say that there is a log, where a person reads: it was not written between the lines."""
    count = log.withheld()
    if count:
        from supportctl.catalog import Catalog

        click.echo(Catalog(_language(words)).phrase("error.log-withheld", count=count), err=True)


def _run(words: Sequence[str]) -> object:
    if "--help" in words or "-h" in words:
        language = _language(words)
        if language != "en":
            from supportctl.cli.help import translate

            translate(cli, language)
    return cli.main(words, prog_name="supportctl", standalone_mode=False)


def _tell(error: SupportctlError, words: Sequence[str]) -> int:
    from supportctl.cli.errors import tell_error

    return tell_error(error, words, _language(words))


def _tell_click(error: click.ClickException, words: Sequence[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        from contextlib import redirect_stdout

        with redirect_stdout(sys.stderr):
            _run([*words, "--help"])
        return EXIT_USAGE
    from supportctl.cli.errors import from_click, tell_error

    tell_error(from_click(error), words, _language(words))
    return EXIT_USAGE


def _tell_bug(error: Exception, words: Sequence[str]) -> int:
    from supportctl.cli.errors import from_bug, tell_error

    tell_error(from_bug(error), words, _language(words))
    return EXIT_FAILED


def _language(words: Sequence[str]) -> str:
    for position, word in enumerate(words):
        value = word.partition("=")[2] if word.startswith("--lang=") else ""
        if word == "--lang" and position + 1 < len(words):
            value = words[position + 1]
        if value in {"en", "ru"}:
            return value
    return default_language()
