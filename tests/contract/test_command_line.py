"""The command line of docs/contract.md: commands, options, exit codes, one JSON document whatever happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from supportctl.cli.main import COMMANDS, cli

CONTRACT = (Path(__file__).parents[2] / "docs/contract.md").read_text(encoding="utf-8")
# Named by the page, built by later issues. What is built must be taken out of here.
LATER = "monitor"
LATER_OPTIONS: dict[str, set[str]] = {}
GLOBAL = {"--config", "--lang", "--log-level", "--log-format"}
JSON_ERRORS = [
    (["check", "--format", "json", "--no-such-option"], "usage.no-such-option"),
    (["check", "--format=json", "--deadline", "soon"], "usage.bad-value"),
    (["--lang", "xx", "check", "--format", "json"], "usage.bad-value"),
    (["chekc", "--format", "json"], "usage.no-such-command"),
    (["explain", "--format", "json"], "usage.missing"),
    (["explain", "printer.no-such-thing", "--format", "json"], "explain.unknown-code"),
    (["check", "tcp//1.2.3.4", "--format", "json"], "check.unknown-name"),
    (["check", "espos+tcp://127.0.0.1:1", "--format", "json"], "target.unknown-protocol"),
    (["--config", "no/such/file.yaml", "check", "--format", "json"], "config.not-found"),
    (["check", "--config", ".", "--format", "json"], "config.directory"),
]


def leaves(command, path=()):
    """Return every command below `command` with its path."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*path, name))


def options_of(command):
    """Return the long options of a command as `--help` shows them."""
    help_text = command.get_help(click.Context(command, help_option_names=["-h", "--help"]))
    return set(re.findall(r"--[a-z][a-z-]*", help_text.partition("\nOptions:")[2]))


def promised():
    """Return command path -> options, as the page's block of commands has them."""
    block = CONTRACT.partition("## Commands")[2].partition("```")[2].partition("```")[0]
    found: dict[str, set[str]] = {}
    command = ""
    for line in block.splitlines():
        for part in re.split(r"(?=(?<![\w-])lab faults)", line):
            named = re.match(r"(?:supportctl )?((?:lab|config) [a-z]+|[a-z][a-z-]+)", part)
            if part.startswith(("supportctl ", "lab ")) and named:
                command = named[1]
            found.setdefault(command, set()).update(re.findall(r"--[a-z][a-z-]*", part))
    return found


BUILT = {" ".join(path): command for path, command in leaves(cli)}


def test_the_page_is_read():
    page = promised()
    assert {"--only", "--skip", "--on"} <= page["check"]
    assert {"--scenario", "--detach"} <= page["lab up"]
    assert "config check" in page


def test_every_promised_command_is_there_or_known_to_come_later():
    roots = {path.partition(" ")[0] for path in promised() if path}
    assert roots - set(LATER.split()) == set(COMMANDS)


def test_sub_commands():
    assert {
        "lab up",
        "lab down",
        "lab fault",
        "lab faults",
        "config check",
        "config show",
        "config schema",
    } <= set(BUILT)


@pytest.mark.parametrize("path", sorted(set(promised()) & set(BUILT)))
def test_help_has_the_promised_options(path):
    missing = promised()[path] - options_of(BUILT[path])
    assert missing == LATER_OPTIONS.get(path, set())


@pytest.mark.parametrize("path", sorted(BUILT))
def test_the_page_has_every_option_of_help(path):
    page = set(re.findall(r"--[a-z][a-z-]*", CONTRACT))
    assert not options_of(BUILT[path]) - page - {"--help"}


@pytest.mark.parametrize("path", sorted(BUILT))
def test_every_command_takes_the_global_options_and_helps(supportctl, path):
    assert options_of(BUILT[path]) >= GLOBAL
    exit_code, out, err = supportctl(*path.split(), "--help")
    assert (exit_code, err) == (0, "")
    assert out.startswith(f"Usage: supportctl {path}")


@pytest.mark.parametrize(
    "path", ["check", "discover", "identify", "explain", "codes", "lab faults", "config show"]
)
def test_reading_commands_speak_json(path):
    choice = next(p for p in BUILT[path].params if "--format" in p.opts).type
    assert {"text", "json"} <= set(choice.choices)


@pytest.mark.parametrize(
    "words", [["--lang", "ru", "codes", "--format", "json"], ["codes", "--format", "json", "--lang", "ru"]]
)
def test_global_options_stand_before_or_after_the_command(supportctl, words):
    _, out, _ = supportctl(*words)
    assert re.search("[а-яё]", out)


def test_version(supportctl):
    from supportctl import __version__

    assert supportctl("--version") == (0, f"supportctl {__version__}\n", "")


def test_no_command_shows_the_help_and_is_wrong_usage(supportctl):
    exit_code, out, err = supportctl()
    assert (exit_code, out) == (2, "")
    assert err.startswith("Usage: supportctl")


@pytest.mark.parametrize(("words", "code"), JSON_ERRORS)
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_failure_before_the_command_runs_is_one_json_document(supportctl, words, code, lang):
    words = words if "--lang" in words else [*words, "--lang", lang]
    exit_code, out, err = supportctl(*words)
    document = json.loads(out)
    assert exit_code == 2
    assert err == ""
    assert document.keys() == {"schema", "error"}
    assert document["schema"] == "supportctl.error/1"
    assert document["error"].keys() == {"code", "message", "expected", "found", "hint"}
    assert document["error"]["code"] == code
    assert all(document["error"].values()), "what was expected, what was found, and what to do"


@pytest.mark.parametrize(("words", "code"), JSON_ERRORS)
def test_the_same_failure_as_text_goes_to_standard_error(supportctl, words, code):
    exit_code, out, err = supportctl(
        *(word for word in words if word not in {"--format", "json", "--format=json"})
    )
    assert (exit_code, out) == (2, "")
    assert len(err.splitlines()) == 4
    assert "Traceback" not in err


def test_a_bug_is_exit_code_1_without_a_traceback(supportctl, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("by \x1b[31mzero")

    monkeypatch.setattr("supportctl.catalog.explanation.explain", broken)
    exit_code, out, err = supportctl("explain", "x", "--format", "json")
    assert exit_code == 1
    assert json.loads(out)["error"]["code"] == "internal.bug"
    assert err == ""
    exit_code, out, err = supportctl("explain", "x")
    assert (exit_code, out) == (1, "")
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "\x1b[31m" not in err


def test_a_bug_has_its_traceback_at_log_level_debug(supportctl, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("supportctl.catalog.explanation.explain", broken)
    _, _, err = supportctl("--log-level", "debug", "explain", "x")
    supportctl("--log-level", "warning", "codes")
    assert "Traceback" in err


def test_a_reader_that_has_seen_enough_is_no_failure():
    command = f"{sys.executable} -m supportctl codes | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
