"""Runs of a playbook as a supporter has them: a real terminal, a real device, real files, real kills."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from terminal import Terminal, plain

from playbooks.engine.journal import read
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

PLAYBOOK = """\
schema: supportctl.playbook/1
name: till-test
version: 1
owner: first-line
title: {en: The printer prints nothing, ru: Принтер не печатает}
about: {en: A test., ru: Проверка.}
symptoms: {en: [nothing prints], ru: [не печатает]}
roles:
  printer: {title: {en: Receipt printer, ru: Чековый принтер}, protocols: [escpos]}
steps:
  - {id: look, check: {targets: [printer]}}
  - id: lamp
    ask:
      question: {en: Which lamp is on?, ru: Какая лампа горит?}
      why: {en: It tells the fault., ru: По ней видно причину.}
      choices: {red: {en: Red, ru: Красная}, none: {en: None, ru: Никакая}}
  - id: width
    ask:
      question: {en: How wide is the roll?, ru: Какой ширины рулон?}
      why: {en: There are two., ru: Их два.}
      kind: number
      at_least: 50
      at_most: 90
  - id: roll
    tell: {say: {en: Put in a roll., ru: Вставьте рулон.}}
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - id: fix
    act: ACT
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - {id: over, hand_over: {reason: {en: We do not know., ru: Мы не знаем.}}}
"""
SET = "{action: settings.set, params: {file: FILE, key: main/port, value: '9'}}"
SLOW = "{action: slow.write, params: {file: FILE}}"
PLUGIN = '''
import os
from pathlib import Path
from playbooks.actions.model import Done, Plan

class Slow:
    """Writes, and is never done."""
    name, params, risk, seconds = "slow.write", {"file": True}, "undoable", 1
    def plan(self, params, place, deadline):
        return Plan(self.name, dict(params), {}, {"was": Path(params["file"]).read_text()})
    def run(self, plan, place, deadline):
        Path(plan.params["file"]).write_text("half")
        os.mkfifo(plan.params["file"] + ".fifo")
        open(plan.params["file"] + ".fifo").read()
    def undo(self, plan, place, deadline):
        Path(plan.params["file"]).write_text(plan.undo["was"])
        return Done(ok=True)
'''


@pytest.fixture(scope="module")
def lab():
    spec = DeviceSpec("till", "escpos", ("tcp",), faults=("paper-out",))
    with Lab.from_scenario(Scenario("one", (spec,))) as running:
        yield running


class Desk:
    """A supporter's computer: a configuration, a playbook, a settings file, journals."""

    def __init__(self, folder, lab, act):
        self.lab = lab
        lab.fault("till", "paper-out")
        self.settings = folder / "driver.ini"
        self.settings.write_text("[main]\nport = 4\n")
        self.playbook = folder / "till-test.yaml"
        self.playbook.write_text(PLAYBOOK.replace("ACT", act).replace("FILE", str(self.settings)))
        self.runs = folder / "runs"
        config = folder / "supportctl.yaml"
        config.write_text(
            f"targets: [{{name: till, url: '{lab.url('till')}'}}]\n"
            f"playbooks: {{runs: {self.runs}, settings_folders: [{folder}]}}\n"
        )
        (folder / "slow.py").write_text(PLUGIN)
        (folder / "slow-1.dist-info").mkdir()
        (folder / "slow-1.dist-info/entry_points.txt").write_text(
            "[supportctl.actions]\nslow.write = slow:Slow\n"
        )
        (folder / "slow-1.dist-info/METADATA").write_text("Name: slow\nVersion: 1\n")
        self.words = ["--config", str(config)]
        self.env = {
            "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        }

    def run(self, *words, lang="en", **more):
        words = [*self.words, "--lang", lang, "playbook", *words]
        return Terminal(words, {**self.env, **more.pop("env", {})}, **more)

    @property
    def journal(self):
        (path,) = self.runs.glob("*.jsonl")
        return read(path)


@pytest.fixture
def desk(tmp_path, lab):
    return Desk(tmp_path, lab, SET)


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


def answered(desk, supportctl, answers, *words):
    file = desk.settings.with_name("answers.yaml")
    file.write_text(answers)
    return supportctl(*desk.words, "playbook", "run", str(desk.playbook), "--answers", str(file), *words)


def test_a_replay_from_a_file(desk, supportctl):
    ended = answered(
        desk, supportctl, "- red\n- width: 57\n- n\n- y\n", "--ticket", "T-7", "--format", "json"
    )
    assert ended.exit_code == 6
    report = json.loads(ended.out)
    assert (report["outcome"], report["ticket"]) == ("handed-over", "T-7")
    assert desk.settings.read_text() == "[main]\nport = 4\n"
    listed = json.loads(supportctl(*desk.words, "playbook", "runs", "--format", "json").out)
    assert [(run["playbook"], run["outcome"], run["ticket"]) for run in listed["runs"]] == [
        ("till-test", "handed-over", "T-7")
    ]
    assert "T-7" in supportctl(*desk.words, "playbook", "runs").out
    assert "till-test" in supportctl(*desk.words, "playbook", "report", "last", "--format", "html").out


def test_read_only_refuses_every_change_by_itself(desk, supportctl):
    ended = answered(desk, supportctl, "- red\n- 57\n- n\n", "--yes-read-only")
    assert ended.exit_code == 6
    assert not desk.journal.intents


def test_a_dry_run_says_what_it_would_do(desk, supportctl):
    ended = answered(desk, supportctl, "- red\n- 57\n- n\n- y\n", "--dry-run")
    assert ended.exit_code == 6
    assert "driver.ini" in ended.out
    assert not desk.journal.intents


@pytest.mark.parametrize(
    ("answers", "key", "line"),
    [
        ("- red\n- 12\n", "answer.does-not-fit", 2),
        ("- red\n- 57\n- maybe\n", "answer.does-not-fit", 3),
        ("- width: 57\n", "answer.does-not-fit", 1),
        ("- [a]\n", "answer.bad-file", 1),
        ("red: 1\n", "answer.bad-file", 1),
        ("- red\n", "answer.no-more", None),
    ],
)
def test_an_answer_that_does_not_fit_names_file_and_line(desk, supportctl, answers, key, line):
    ended = answered(desk, supportctl, answers, "--format", "json")
    error = json.loads(ended.out)["error"]
    assert (ended.exit_code, error["code"]) == (2, key)
    place = "answers.yaml" if line is None else f"answers.yaml:{line}"
    assert place in error["found"]


def test_without_a_terminal_it_says_what_is_missing(desk, supportctl):
    ended = supportctl(*desk.words, "playbook", "run", str(desk.playbook), "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "run.no-person")


def test_without_a_terminal_a_wrong_name_is_told_first(desk, supportctl):
    ended = supportctl(*desk.words, "--lang", "en", "playbook", "run", "printer-slient")
    assert ended.exit_code == 2
    assert "terminal" not in ended.err
    assert "printer-silent" in ended.err
    ended = supportctl(*desk.words, "playbook", "resume", "nothing", "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "run.none")


def test_last_is_the_newest_run_that_can_be_read(desk, supportctl):
    answered(desk, supportctl, "- red\n- 57\n- q\n")
    run, path = desk.journal.header.run, desk.journal.path
    header = path.read_text().partition("\n")[0]
    newer = [path.with_name(f"991231-2359-{number}.jsonl") for number in ("aaaa", "bbbb", "cccc")]
    for number, (each, text) in enumerate(zip(newer, ("", '{"schema"', f"{header}\n"), strict=True)):
        each.write_text(text)
        os.utime(each, (path.stat().st_mtime + 60 * (3 - number),) * 2)
    report = ["--lang", "en", "playbook", "report", "last", "--format", "json"]
    ended = supportctl(*desk.words, *report)
    assert ended.exit_code == 0
    assert [each.stem in ended.err for each in newer] == [True, True, False]  # the third has a header
    newer[2].unlink()
    ended = supportctl(*desk.words, *report)
    assert (ended.exit_code, json.loads(ended.out)["run"]) == (0, run)
    newer[2].write_text(f"{header}\n")
    file = desk.settings.with_name("answers.yaml")
    file.write_text("- n\n- n\n")
    ended = supportctl(*desk.words, "--lang", "en", "playbook", "resume", "last", "--answers", str(file))
    assert ended.exit_code in {5, 6}, ended
    assert all(each.stem in ended.err for each in newer)


def test_where_no_run_can_be_read_the_newest_says_why(desk, supportctl):
    desk.runs.mkdir()
    (desk.runs / "991231-2359-aaaa.jsonl").touch()
    ended = supportctl(*desk.words, "playbook", "report", "last", "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "run.journal-empty")


def test_a_run_goes_on_with_its_playbook_as_it_was_after_that_has_changed(desk, supportctl):
    answered(desk, supportctl, "- red\n- 57\n- q\n")
    desk.playbook.write_text(desk.playbook.read_text().replace("version: 1", "version: 2"))
    told = json.loads(supportctl(*desk.words, "playbook", "report", "last", "--format", "json").out)
    assert told["playbook"]["version"] == 1
    kept = desk.journal.path.parent / "playbooks"
    (changed,) = kept.glob("*/*.yaml")
    changed.write_text(changed.read_text().replace("version: 1", "version: 3"))
    ended = supportctl(*desk.words, "playbook", "report", "last", "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "playbook.changed-since")


def test_without_a_copy_a_playbook_that_has_changed_is_not_resumed(desk, supportctl):
    answered(desk, supportctl, "- red\n- 57\n- q\n")
    shutil.rmtree(desk.journal.path.parent / "playbooks")
    desk.playbook.write_text(desk.playbook.read_text().replace("version: 1", "version: 2"))
    file = desk.settings.with_name("answers.yaml")
    ended = supportctl(*desk.words, "playbook", "resume", "last", "--answers", str(file), "--format", "json")
    error = json.loads(ended.out)["error"]
    assert (ended.exit_code, error["code"]) == (2, "playbook.changed-since")


def test_a_damaged_journal_is_told_with_its_line_and_nothing_is_done(desk, supportctl):
    answered(desk, supportctl, "- red\n- 57\n- q\n")
    path = desk.journal.path
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:2], "{{{", *lines[2:]]))
    file = desk.settings.with_name("answers.yaml")
    ended = supportctl(*desk.words, "playbook", "resume", "last", "--answers", str(file), "--format", "json")
    error = json.loads(ended.out)["error"]
    assert (ended.exit_code, error["code"]) == (2, "run.journal-broken")
    assert f"{path}:3" in error["found"]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--set", "printre=x"], "run.unknown-set"),
        (["--set", "printer"], "run.bad-set"),
        (["--set", "printer=shtrih+tcp://127.0.0.1:7778"], "run.does-not-fit"),
        (["--set", "printer=front"], "check.unknown-name"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_done(desk, supportctl, words, key):
    ended = answered(desk, supportctl, "- red\n", "--format", "json", *words)
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, key)
    assert not desk.runs.exists()


def test_a_line_that_was_cut_is_told_and_does_not_count(desk, supportctl):
    answered(desk, supportctl, "- red\n- 57\n- q\n")
    path = desk.journal.path
    path.write_bytes(path.read_bytes()[:-9])
    file = desk.settings.with_name("answers.yaml")
    file.write_text("- did-not-help\n- no\n")
    ended = supportctl(*desk.words, "playbook", "resume", "last", "--answers", str(file))
    assert ended.exit_code == 6
    assert "cut off" in ended.err
    assert desk.journal.cut is False


def test_which_of_several_is_asked_by_the_names_of_the_configuration(desk, supportctl, lab):
    config = desk.settings.with_name("supportctl.yaml")
    other = "{name: bar, url: 'escpos+tcp://127.0.0.1:9'}"
    config.write_text(config.read_text().replace("targets: [", f"targets: [{other}, "))
    ended = answered(desk, supportctl, "- 2\n- red\n- 57\n- q\n", "--lang", "ru")
    assert ended.exit_code == 5
    assert f"2 till ({lab.url('till')})" in ended.out
    assert desk.journal.header.roles["printer"] == ("escpos+tcp://127.0.0.1:9", lab.url("till"))
