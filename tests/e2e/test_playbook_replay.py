"""Runs of a playbook without a person: answers from a file, and what a journal has that is found again."""

from __future__ import annotations

import json
import os
import shutil

import pytest


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
