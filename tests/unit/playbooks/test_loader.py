"""A playbook that is wrong anywhere is refused with its file, line and column; nothing of it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playbooks.engine.library import Library
from playbooks.engine.loader import MAX_BYTES, load, read
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError
from supportctl.core.language import LANGUAGES
from supportctl.reading.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
schema: supportctl.playbook/1
name: paper
version: 1
owner: first-line
title: {en: No paper, ru: Нет бумаги}
about: {en: The printer is silent., ru: Принтер молчит.}
symptoms:
  en: [does not print]
  ru: [не печатает]
parameters:
  till: {title: {en: Till, ru: Касса}}
roles:
  printer: {title: {en: Printer, ru: Принтер}, protocols: [escpos]}
steps:
  - id: look
    check: {targets: [printer]}
    solved_if: ok("printer.paper")
  - id: ask-lamp
    when: found("printer.paper-out")
    ask:
      question: {en: Is the lamp red?, ru: Лампа красная?}
      why: {en: A red lamp is no paper., ru: Красная лампа - нет бумаги.}
      choices:
        red: {en: "Yes", ru: Да}
        green: {en: "No", ru: Нет}
  - id: fork
    branch:
      arms:
        - when: answers.ask_lamp == "red"
          steps:
            - id: roll
              tell: {say: {en: Put in a new roll., ru: Вставьте новый рулон.}}
              verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
        - when: params.till != ""
          goto: bye
  - id: bye
    hand_over: {reason: {en: It is no paper., ru: Дело не в бумаге.}}
"""


def broken(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def refused(text, name="paper.yaml"):
    """Return the error, proved to be told in both languages with its place."""
    with pytest.raises(UsageError) as caught:
        load(text, name)
    error = caught.value
    for lang in LANGUAGES:
        texts = Catalog(lang).error(error.key, error.args_by_name)
        assert all(texts.values()), (error.key, lang)
        assert "?" not in texts["found"] + texts["expected"], texts  # an argument that is not given
    return error


def test_a_good_one():
    loaded = load(GOOD)
    assert loaded.playbook.name == "paper"
    assert loaded.where(("steps", 1, "ask")) == "playbook.yaml:20:5"
    assert len(loaded.sha256) == 64


LONG = "[" + ", ".join(str(number) for number in range(40)) + "]"
ENDLESS = f"{LONG}.all(a, {LONG}.all(b, {LONG}.all(c, a + b + c >= 0)))"
WRONG = [
    ("schema: supportctl.playbook/1", "schema: supportctl.playbook/2", "playbook.newer-schema", "1:9"),
    ("schema: supportctl.playbook/1", "schema: supportctl.report/1", "playbook.other-schema", "1:9"),
    ("schema: supportctl.playbook/1\n", "", "playbook.missing-key", "1:1"),
    ("version: 1", "version: 1\nrequires: 99.0", "playbook.newer-tool", "4:11"),
    ("ru: Нет бумаги}", "ru: Нет, бумаги}", "playbook.no-value", "5:32"),
    ("owner: first-line", "owner:", "playbook.no-value", "4:1"),
    ("version: 1", "version: one", "playbook.not-a-number", "3:1"),
    ("version: 1", "version: 0", "playbook.out-of-range", "3:1"),
    ("version: 1", "version: 1\nversion: 2", "playbook.duplicate-key", "4:1"),
    ("version: 1", "version: &a 1", "playbook.alias", "3:10"),
    ("version: 1", "version: !!int 1", "playbook.tag", "3:10"),
    ("version: 1", "version: 1\nbudget: {total: soon}", "playbook.bad-duration", "4:10"),
    ("owner: first-line", "ownr: first-line", "playbook.missing-key", "1:1"),
    ("title: {en: No paper", "title: {de: Kein Papier", "playbook.unknown-language", "5:1"),
    ("{en: No paper, ru: Нет бумаги}", "No paper", "playbook.not-a-section", "5:1"),
    ("id: look\n", "id: Look\n", "playbook.bad-id", "15:5"),
    ("check: {targets: [printer]}\n", "chekc: {targets: [printer]}\n", "playbook.unknown-step", "15:5"),
    ("check: {targets: [printer]}", "check: {target: [printer]}", "playbook.missing-key", "16:5"),
    ("check: {targets: [printer]}", "check: {targets: []}", "playbook.empty-list", "16:13"),
    ("    solved_if:", "    solved_of:", "playbook.unknown-key", "17:5"),
    ("id: bye\n", "id: bye\n    goto: look\n", "playbook.two-kinds", "38:5"),
    ("id: fork\n", "id: look\n", "playbook.same-id", "26:5"),
    ("goto: bye", "goto: by", "playbook.no-such-step", "35:11"),
    ('ok("printer.paper")', 'okay("printer.paper")', "playbook.unknown-value", "17:16"),
    ('answers.ask_lamp == "red"', 'answers.ask_lmap == "red"', "playbook.unknown-value", "29:17"),
    ('answers.ask_lamp == "red"', 'answers.ask_lamp = "red"', "playbook.bad-condition", "29:34"),
    ('answers.ask_lamp == "red"', "answers.ask_lamp > 3", "playbook.bad-condition", "29:34"),
    ('answers.ask_lamp == "red"', 'count("printer.*")', "playbook.not-a-condition", "29:17"),
    ('answers.ask_lamp == "red"', f"'{ENDLESS}'", "playbook.endless-condition", "29:17"),
    ('answers.ask_lamp == "red"', "'" + "x" * 501 + "'", "playbook.condition-size", "29:11"),
    ("say: {en: Put in", "sya: {en: Put in", "playbook.missing-key", "32:15"),
    ("en: Put in a new roll.", "en: ' '", "playbook.empty-text", "32:28"),
    ("steps:\n  - id: look", "steps:\n\t- id: look", "playbook.tab", "15:1"),
    ("name: paper", "name: pa\x07per", "playbook.control-character", "2:9"),
    ("steps:\n", "---\nsteps:\n", "playbook.two-documents", "14:1"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "place"), WRONG, ids=[f"{w[2]}-{w[3]}" for w in WRONG])
def test_what_is_wrong_is_told_with_its_place(old, new, key, place):
    error = refused(broken(old, new))
    assert (error.key, error.args_by_name["where"]) == (key, f"paper.yaml:{place}")


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [
        ("    solved_if:", "    solved_of:", "solved_if"),
        ("goto: bye", "goto: by", "bye"),
        ('ok("printer.paper")', 'okay("printer.paper")', "ok"),
        ("answers.ask_lamp", "answers.ask_lmap", "answers.ask_lamp"),
        ("params.till", "params.tilt", "params.till"),
    ],
)
def test_did_you_mean(old, new, nearest):
    assert nearest in refused(broken(old, new)).args_by_name["nearest"].split(", ")


def test_all_problems_are_told_at_once():
    text = (
        broken("    solved_if:", "    solved_of:").replace("goto: bye", "gto: bye").replace("ask:", "aks:", 1)
    )
    keys = [(problem.line, problem.key) for problem in read(text).problems]
    assert keys == [
        (17, "playbook.unknown-key"),
        (18, "playbook.unknown-step"),
        (35, "playbook.unknown-key"),
    ]


def test_a_step_without_a_kind_is_told_with_what_it_has():
    args = refused(broken("check: {targets: [printer]}\n", "chekc: {targets: [printer]}\n")).args_by_name
    assert "chekc" in args["found"].split(", ")
    assert "check" in args["known"].split(", ")


def test_a_path_has_the_keys_of_the_file_only():
    question = "steps: [{id: a, ask: {question: {en: A, ru: B}, kind: yes-no}}]"
    head = broken("", "").partition("steps:")[0]
    assert refused(head + question + "\n").args_by_name["path"] == "steps.0.ask.why"


def test_versions_are_numbers():
    load(broken("version: 1", "version: 1\nrequires: '0.0.99'"))
    assert refused(broken("version: 1", "version: 1\nrequires: 0.10")).key == "playbook.newer-tool"


def test_a_newer_playbook_is_told_as_that_whatever_else_is_new_in_it():
    text = broken("schema: supportctl.playbook/1", "schema: supportctl.playbook/7\nsoothe: {music: true}")
    assert [problem.key for problem in read(text).problems] == ["playbook.newer-schema"]


def test_deep_nesting():
    assert refused("steps: " + "[" * 200 + "]" * 200).key == "playbook.too-deep"
    inner = "steps: [{id: x, goto: x}]"
    for number in range(3):
        inner = f"steps: [{{id: b{number}, branch: {{arms: [{{{inner}}}]}}}}]"
    load(GOOD[: GOOD.index("steps:")] + inner)


def test_alias_bomb():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refused(bomb).key == "playbook.alias"


def test_files(tmp_path):
    path = tmp_path / "paper.yaml"
    for data, key in (
        (b"a: b\0", "playbook.zeros"),
        ("имя: касса".encode("cp1251"), "playbook.not-utf8"),
        (GOOD.encode("utf-16"), "playbook.utf16"),
        (b"#" * 10_000_000, "playbook.too-big"),
        (b"# nothing\n", "playbook.empty"),
        (b"- a\n- b\n", "playbook.not-a-section"),
        (b"{", "playbook.unfinished"),
    ):
        path.write_bytes(data)
        with pytest.raises(UsageError) as caught:
            load(path)
        assert caught.value.key == key
        assert str(path) in "".join(caught.value.args_by_name.values())
    for missing, key in ((tmp_path / "no.yaml", "playbook.not-found"), (tmp_path, "playbook.directory")):
        with pytest.raises(UsageError) as caught:
            load(missing)
        assert caught.value.key == key


def test_a_text_has_the_limits_of_a_file():
    assert refused("#" * (MAX_BYTES + 1)).key == "playbook.too-big"
    assert refused("a\0b").key == "playbook.zeros"


def test_a_file_is_named_as_its_playbook(tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert (caught.value.key, caught.value.args_by_name["where"]) == ("playbook.other-name", f"{path}:2:1")


PIECES = ["schema: supportctl.playbook/1\n", "steps:\n", "  - id: a\n", "    goto: a\n", "{", "}", "[", "]",
          "name: x\n", "version: 1\n", ": ", "- ", "&a ", "*a", "!!python/object:x ", "\t", "'", '"', "\n",
          "when: 1\n", "\0", "é", "|\n", "\x85", "\ufeff", "? ", "%YAML 1.1\n", "...\n", "---\n"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=60)))
@example("\ud800")
def test_no_text_raises_anything_but_a_usage_error(text):
    with pytest.raises(UsageError):
        load(text)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.sampled_from(PIECES))
def test_a_damaged_playbook_is_loaded_or_refused(start, length, piece):
    try:
        problems = read(GOOD[:start] + piece + GOOD[start + length :]).problems
    except UsageError as error:
        problems = (Problem(error.key, 1, 1, error.args_by_name),)
    for problem in problems:
        assert problem.key.startswith("playbook.")
        assert Catalog("ru").error(problem.key, problem.details())["message"]


# the library


def put(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text.replace("name: paper", f"name: {name}"), encoding="utf-8")
    return path


def including(name: str) -> str:
    return GOOD[: GOOD.index("steps:")] + f"steps:\n  - {{id: inner, include: {name}}}\n"


def test_a_library_finds_by_name_and_a_later_folder_wins(tmp_path):
    first = put(tmp_path / "a", "paper", GOOD)
    second = put(tmp_path / "b", "paper", broken("version: 1", "version: 2"))
    (tmp_path / "a/paper.test.yaml").write_text("no: playbook", encoding="utf-8")
    library = Library([tmp_path / "a", tmp_path / "b"], shipped=None)
    assert library.names() == ("paper",)
    assert library.load("paper").playbook.version == 2
    assert [(found.taken, found.left) for found in library.replaced()] == [(second, first)]
    with pytest.raises(UsageError) as caught:
        library.load("papre")
    assert (caught.value.key, caught.value.args_by_name["nearest"]) == ("playbook.unknown", "paper")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError) as caught:
        Library([tmp_path / "no"], shipped=None)
    assert caught.value.key == "playbook.no-such-folder"


def test_broken_files_are_told_and_hide_no_other(tmp_path):
    bad = put(tmp_path, "bad", broken("goto: bye", "goto: by"))
    put(tmp_path, "paper", GOOD)
    library = Library([tmp_path], shipped=None)
    assert {path: error.key for path, error in library.broken().items()} == {bad: "playbook.no-such-step"}
    assert library.graph("paper").start == "look"


def test_includes_are_built_in_and_hashed(tmp_path):
    put(tmp_path, "outer", including("paper"))
    put(tmp_path, "paper", GOOD)
    library = Library([tmp_path], shipped=None)
    assert "inner/look" in library.graph("outer").nodes
    before = library.digest("outer")
    put(tmp_path, "paper", broken("version: 1", "version: 2"))
    after = Library([tmp_path], shipped=None)
    assert after.digest("outer") != before
    assert after.load("outer").sha256 == library.load("outer").sha256


def test_cyclic_includes_are_refused_at_their_line(tmp_path):
    path = put(tmp_path, "a", including("b"))
    put(tmp_path, "b", including("a"))
    library = Library([tmp_path], shipped=None)
    with pytest.raises(UsageError) as caught:
        library.graph("a")
    assert (caught.value.key, caught.value.args_by_name["where"]) == (
        "playbook.include-loop",
        f"{path}:15:17",
    )
    assert library.digest("a")  # does not turn for ever


@pytest.mark.parametrize("inner", ["missing", "bad"])
def test_an_include_that_is_missing_or_broken(tmp_path, inner):
    path = put(tmp_path, "outer", including(inner))
    bad = put(tmp_path, "bad", broken("goto: bye", "goto: by"))
    with pytest.raises(UsageError) as caught:
        Library([tmp_path], shipped=None).graph("outer")
    where = caught.value.args_by_name["where"]
    assert where == (f"{path}:15:17" if inner == "missing" else f"{bad}:35:11")
