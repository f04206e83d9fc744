"""Lines for people are broken between words, and only where there is a terminal to break them."""

from __future__ import annotations

import pytest

from supportctl.cli import output

LONG = (
    "Поддержка может смотреть и опрашивать устройства. Менять что-либо можно только после вашего «да» здесь."
)


@pytest.mark.parametrize("width", [60, 80, 90])
def test_no_word_is_cut_where_the_terminal_ends(monkeypatch, capsys, width):
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    output.echo_wrapped(LONG, 4)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < width
    assert " ".join(" ".join(lines).split()) == LONG
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_pipe_gets_the_line_as_it_is(capsys):
    output.echo_wrapped(LONG)
    assert capsys.readouterr().out == f"{LONG}\n"


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("indent", [0, 2, 7])
def test_a_path_and_a_hash_stay_in_one_piece(monkeypatch, capsys, width, indent):
    path, head = f"/home/anna/.local/state/supportctl/sessions/{'x' * 80}.jsonl", f"42:{'0a' * 32}"
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    output.echo_wrapped(f"What was done stands in {path}. For the ticket: {head}", indent)
    lines = capsys.readouterr().out.splitlines()
    assert f"{path}." in " ".join(lines).split()
    assert head in " ".join(lines).split()
