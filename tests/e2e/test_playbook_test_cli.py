"""`playbook test` as an author has it: what is good, what is not, and where a file is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PLAYBOOK = """\
schema: supportctl.playbook/1
name: own
version: 1
owner: first-line
title: {en: No paper, ru: Нет бумаги}
about: {en: The printer is empty., ru: Принтер пуст.}
symptoms: {en: [nothing comes out], ru: [ничего не выходит]}
tags: [printer]
roles:
  printer: {title: {en: Printer, ru: Принтер}, protocols: [escpos]}
steps:
  - id: look
    check: {targets: [printer]}
    solved_if: ok("printer.paper")
  - id: roll
    tell: {say: {en: Put in a roll., ru: Вставьте рулон.}}
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - id: over
    hand_over: {reason: {en: It stays empty., ru: Он так и пуст.}}
"""
TEST = """\
schema: supportctl.playbook-test/1
playbook: own
lab: {till: {protocol: escpos}}
cases:
  - name: a roll helps
    world: {faults: {till: [paper-out]}}
    turns: [{at: roll, now: {faults: {till: []}}}]
    expect: {outcome: solved, at: roll}
"""
GIVEN_ON = """\
  - name: a roll does not help
    world: {faults: {till: [paper-out]}}
    turns: [{at: roll}]
    expect: {outcome: handed-over, why: step}
"""


@pytest.fixture
def own(tmp_path):
    """Return a function that writes the playbook and its test, and returns the playbook's file."""

    def write(test: str):
        (tmp_path / "own.yaml").write_text(PLAYBOOK)
        (tmp_path / "own.test.yaml").write_text(test)
        return str(tmp_path / "own.yaml")

    return write


def test_good_cases_that_reach_every_step(own, supportctl):
    ended = supportctl("playbook", "test", own(TEST + GIVEN_ON))
    assert ended.exit_code == 0
    assert "✓ own  2 cases, 3 of 3 steps" in ended.out


def test_a_step_that_no_case_reaches_is_named(own, supportctl):
    ended = supportctl("playbook", "test", own(TEST), "--format", "json")
    (told,) = json.loads(ended.out)["playbooks"]
    assert (ended.exit_code, told["good"], told["unreached_steps"]) == (3, False, ["over"])


def test_a_case_that_goes_otherwise_says_how(own, supportctl):
    ended = supportctl("playbook", "test", own(TEST.replace("outcome: solved, at: roll", "outcome: gave-up")))
    assert ended.exit_code == 3
    assert "a roll helps: outcome: expected gave-up, found solved at roll" in ended.out


def test_a_mistake_in_the_tests_is_told_with_its_place(own, supportctl):
    ended = supportctl("playbook", "test", own(TEST.replace("turns:", "trns:")))
    assert ended.exit_code == 2
    assert "own.test.yaml:7:5" in ended.out
    assert "trns" in ended.out


def test_without_tests_it_says_so(own, supportctl, tmp_path):
    file = own(TEST)
    (tmp_path / "own.test.yaml").unlink()
    ended = supportctl("playbook", "test", file)
    assert ended.exit_code == 2
    assert "own.test.yaml" in ended.out


def test_a_playbook_without_a_test_is_told_so(own, supportctl):
    file = Path(own(TEST))
    file.with_name("own.test.yaml").unlink()
    ended = supportctl("--lang", "ru", "playbook", "test", str(file))
    assert ended.exit_code == 2
    assert "У этого сценария нет теста: по пути" in ended.out


def test_a_file_is_shown_as_a_name_is(own, supportctl):
    ended = supportctl("playbook", "show", str(own(TEST)))
    assert ended.exit_code == 0
    assert ended.out.startswith("own: No paper\n")
    lost = supportctl("playbook", "show", "no/such.yaml", "--format", "json")
    assert (lost.exit_code, json.loads(lost.out)["error"]["code"]) == (2, "playbook.not-found")


@pytest.mark.parametrize(("text", "key"), [(None, "answer.unreadable"), ("a: [", "answer.bad-file")])
def test_a_file_of_answers_is_never_called_a_configuration(own, supportctl, tmp_path, text, key):
    answers = tmp_path / "answers.yaml"
    if text is not None:
        answers.write_text(text)
    file = str(own(TEST))
    ended = supportctl("playbook", "run", file, "--answers", str(answers), "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, key)
