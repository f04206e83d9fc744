"""Runs of a playbook as a supporter has them: a real terminal, a real device, real files, real kills."""

from __future__ import annotations

import pytest
from terminal import plain
from till_desk import SLOW, Desk


def to_the_roll(terminal, lang="en"):
    en = lang == "en"
    terminal.until("Which lamp is on?" if en else "Какая лампа горит?")
    terminal.until("1–2")
    terminal.press("1")
    terminal.until("How wide is the roll?" if en else "Какой ширины рулон?")
    terminal.until("Esc")
    terminal.press("80,5\r")
    terminal.until("Put in a roll." if en else "Вставьте рулон.")
    terminal.until("?")


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_what_the_customer_does_solves_it(desk, lab, lang):
    with desk.run("run", str(desk.playbook), lang=lang) as terminal:
        to_the_roll(terminal, lang)
        lab.clear("till")
        terminal.press("\r")
        assert terminal.ended() == 0
        assert terminal.is_restored()
        assert ("Solved in" if lang == "en" else "Решено за") in plain(terminal.raw)
    assert desk.journal.ended.outcome == "solved"
    answers = [event.value for event in desk.journal.events if hasattr(event, "value")]
    assert answers == ["red", 80.5]


@pytest.mark.parametrize(("lang", "no"), [("en", "n"), ("ru", "т")])
def test_consent_is_no_unless_said(desk, lang, no):
    with desk.run("run", str(desk.playbook), lang=lang) as terminal:
        to_the_roll(terminal, lang)
        terminal.press(no)
        terminal.until("driver.ini")
        terminal.until("Enter")
        terminal.press("\r")
        assert terminal.ended() == 6
    assert desk.settings.read_text() == "[main]\nport = 4\n"
    assert not desk.journal.intents


@pytest.mark.parametrize(("lang", "yes"), [("en", "y"), ("ru", "д")])
def test_what_was_allowed_and_did_not_help_is_brought_back(desk, lang, yes):
    with desk.run("run", str(desk.playbook), lang=lang) as terminal:
        to_the_roll(terminal, lang)
        terminal.press("n")
        terminal.until("driver.ini")
        terminal.until("Enter")
        terminal.press(yes)
        assert terminal.ended() == 6
    kinds = [type(event).__name__ for event in desk.journal.events]
    assert kinds[-4:] == ["Consented", "Acted", "Checked", "Undone"]
    assert desk.settings.read_text() == "[main]\nport = 4\n"


@pytest.mark.parametrize(
    ("key", "code", "outcome"), [("р", 6, "handed-over"), ("g", 5, "gave-up"), ("Й", 5, "paused")]
)
def test_keys_count_under_either_layout(desk, key, code, outcome):
    with desk.run("run", str(desk.playbook), lang="ru") as terminal:
        terminal.until("1–2")
        terminal.press(key)
        assert terminal.ended() == code
        assert terminal.is_restored()
    assert desk.journal.ended.outcome == outcome


def test_ctrl_c_is_a_pause_and_another_goes_on_without_asking_twice(desk, lab):
    with desk.run("run", str(desk.playbook)) as terminal:
        to_the_roll(terminal)
        terminal.interrupt()
        assert terminal.ended() == 5
        assert terminal.is_restored()
        assert "Traceback" not in terminal.raw
        assert "playbook resume" in plain(terminal.raw)
    with desk.run("resume", "last", lang="ru") as terminal:
        terminal.until("Вставьте рулон.")
        terminal.until("Enter")
        lab.clear("till")
        terminal.press("\r")
        assert terminal.ended() == 0
    assert "lamp" not in plain(terminal.raw)


def test_while_a_run_is_live_nobody_else_has_it(desk):
    with desk.run("run", str(desk.playbook)) as terminal:
        to_the_roll(terminal)
        with desk.run("resume", "last") as second:
            assert second.ended() == 2
            assert "Somebody is working on this run" in plain(second.raw)
        terminal.press("q")
        assert terminal.ended() == 5


def test_killed_in_the_middle_of_an_action_it_is_brought_back(tmp_path, lab):
    desk = Desk(tmp_path, lab, SLOW)
    with desk.run("run", str(desk.playbook)) as terminal:
        to_the_roll(terminal)
        terminal.press("n")
        terminal.until("slow.write")
        terminal.until("y do it")
        terminal.press("y")
        terminal.until_true((tmp_path / "driver.ini.fifo").exists)
        terminal.kill()
    assert desk.settings.read_text() == "half"
    assert desk.journal.ended is None
    with desk.run("resume", "last") as terminal:
        terminal.until("y do it")  # it may never have been done: the person is asked once more
        assert desk.settings.read_text() == "[main]\nport = 4\n"
        terminal.press("\r")
        assert terminal.ended() == 6
    assert desk.settings.read_text() == "[main]\nport = 4\n"
    events = [type(event).__name__ for event in desk.journal.events]
    assert events[-4:] == ["Resumed", "Checked", "Undone", "Consented"]


@pytest.mark.parametrize(
    ("columns", "env"), [(60, {"NO_COLOR": "1"}), (60, {"TERM": "vt100"}), (100, {"TERM": "dumb"})]
)
def test_narrow_and_simple_terminals(desk, columns, env):
    with desk.run("run", str(desk.playbook), lang="ru", columns=columns, env=env) as terminal:
        terminal.until("Какая лампа горит?")
        terminal.press("q\r")
        assert terminal.ended() == 5
    drawn = terminal.raw.partition("\x1b[?1049l")[0]
    too_long = [line for line in plain_lines(drawn) if len(line) > columns]
    assert not too_long or env.get("TERM") == "dumb"


def plain_lines(raw):
    return [plain(line) for line in raw.replace("\r", "").split("\n")]
