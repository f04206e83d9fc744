"""Each rule finds what it is for, at its line, and nothing in a sound playbook; --fix breaks nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from playbooks.engine.library import SHIPPED, Library
from playbooks.engine.lint.rules import RULES, UNUSABLE
from playbooks.engine.lint.run import lint, mend, mended
from playbooks.engine.lint.table import Edit
from playbooks.engine.schema import document
from supportctl.catalog import Catalog
from supportctl.core.language import LANGUAGES

GOOD = """\
schema: supportctl.playbook/1
name: paper
version: 1
owner: first-line
title: {en: No paper, ru: Нет бумаги}
about: {en: The printer is silent., ru: Принтер молчит.}
symptoms:
  en: [nothing comes out]
  ru: [ничего не выходит]
tags: [printer]
parameters:
  till: {title: {en: Till, ru: Касса}}
roles:
  printer: {title: {en: Printer, ru: Принтер}, protocols: [escpos]}
causes:
  paper: {en: The paper is out, ru: Закончилась бумага}
  queue: {en: The queue is full, ru: Очередь забита}
steps:
  - id: look
    check: {targets: [printer], only: [printer.paper]}
    solved_if: ok("printer.paper") && params.till != "9"
  - id: lamp
    ask:
      question: {en: "Is the lamp of {printer} red?", ru: "На {printer} горит красная лампа?"}
      why: {en: A red lamp is no paper., ru: Красная лампа - нет бумаги.}
      choices:
        red: {en: It is red, ru: Красная}
        off: {en: It is off, ru: Не горит}
  - id: fork
    branch:
      order: likely
      arms:
        - when: answers.lamp == "red" || found("printer.paper-out")
          cause: paper
          likelihood: 0.6
          steps:
            - id: roll
              tell: {say: {en: Put in a new roll., ru: Вставьте новый рулон.}}
              verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
        - when: answered("lamp") && known("printer")
          cause: queue
          likelihood: 0.3
          steps:
            - id: clear
              act: {action: queue.clear, params: {queue: kitchen}}
              verify: {check: {targets: [computer]}, expect: '!found("host.spooler-stopped")'}
  - id: bye
    hand_over: {reason: {en: It is no paper., ru: Дело не в бумаге.}}
"""
HAND_OVER = "hand_over: {reason: {en: It is no paper., ru: Дело не в бумаге.}}"
FIRST = 'answers.lamp == "red" || found("printer.paper-out")'
LOOK = "              verify: {check: {targets: [computer]}, expect: '!found(\"host.spooler-stopped\")'}\n"
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
BROKEN = [
    ("PB001", 19, "    check:", "    chekc:"),
    ("PB002", 48, "  - id: bye\n", "  - id: other\n    include: missing\n  - id: bye\n"),
    ("PB003", 48, "  - id: bye\n", "  - {id: jump, goto: lamp}\n  - id: bye\n"),
    ("PB004", 19, HAND_OVER, "goto: bye"),
    ("PB005", 47, HAND_OVER, "reply: {text: {en: A, ru: Б}}"),
    ("PB006", 33, f"      order: likely\n      arms:\n        - when: {FIRST}\n", "      arms:\n        -\n"),
    ("PB007", 11, "tags: [printer]\n", "tags: [printer]\nbudget: {total: 5s, no_progress: 4m}\n"),
    ("PB008", 38, "- id: roll", "- seconds: 900\n              id: roll"),
    ("PB009", 45, LOOK, ""),
    ("PB010", 30, "likelihood: 0.3", "likelihood: 0.5"),
    ("PB011", 40, "          cause: queue\n", ""),
    ("PB012", 11, "tags: [printer]\n", "tags: [printer]\nbudget: {total: 20m, no_progress: 4m}\n"),
    ("PB020", 20, "check: {targets: [printer]", "check: {targets: [pritner]"),
    ("PB022", 15, "causes:\n", "  drawer: {title: {en: Drawer, ru: Ящик}}\ncauses:\n"),
    ("PB023", 34, "cause: paper\n", "cause: papre\n"),
    ("PB024", 24, "{en: \"Is the lamp of {printer}", "{en: \"Is the lamp of {pritner}"),
    ("PB025", 33, "printer.paper-out", "printer.paper-ou"),
    ("PB025", 20, "only: [printer.paper]", "only: [printer.papper]"),
    ("PB026", 21, 'ok("printer.paper")', 'ok("printer.paper-out")'),
    ("PB027", 45, "queue.clear", "queue.claer"),
    ("PB028", 45, "{queue: kitchen}", "{qeue: kitchen}"),
    ("PB029", 33, '== "red"', '== "green"'),
    ("PB030", 40, 'answered("lamp")', 'answered("lmap")'),
    ("PB031", 23, "        off: {en: It is off, ru: Не горит}\n", ""),
    ("PB032", 13, "roles:\n", "  pin: {title: {en: Lock, ru: Замок}}\nroles:\n"),
    ("PB040", 5, "{en: No paper, ru: Нет бумаги}", "{en: No paper}"),
    ("PB040", 7, "  ru: [ничего не выходит]\n", ""),
    ("PB041", 24, "На {printer} горит", "Горит"),
    ("PB042", 38, "Put in a new roll.", LONG),
    ("PB043", 38, "Put in a new roll.", "Look at COM3."),
    ("PB044", 38, "Put in a new roll.", "Open it. Put in a roll. Close it."),
    ("PB045", 48, "It is no paper.", f"{LONG[:-1]} {LONG[:-1]} {LONG}"),
    ("PB050", 2, "tags: [printer]\n", ""),
    ("PB051", 10, "tags: [printer]", "tags: [Printer]"),
    ("PB052", 8, "[nothing comes out]", "[nothing comes out, Nothing  comes out]"),
    ("PB054", 3, "version: 1\n", "version: 1  \n"),
]  # fmt: skip


class Core(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML 1.2 as editors read it: `off` and `no` are words, only `true` and `false` are switches."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own way
        first: [(tag, pattern) for tag, pattern in entries if not tag.endswith((":bool", ":timestamp"))]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), ["t", "f"])


def core(text):
    return yaml.load(text, Loader=Core)


def faults(folder, text, name="paper"):
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return list(lint(Library([folder], shipped=None), [path]))


def test_a_sound_one_has_no_faults(tmp_path):
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(("rule", "line", "old", "new"), BROKEN, ids=[f"{b[0]}-{b[1]}" for b in BROKEN])
def test_a_rule_finds_its_fault_at_its_line(tmp_path, rule, line, old, new):
    assert old in GOOD
    found = faults(tmp_path, GOOD.replace(old, new, 1))
    assert (rule, line) in [(fault.rule, fault.line) for fault in found], found
    severity = {entry.id: entry.is_error for entry in RULES} | {UNUSABLE: True}
    for fault in found:
        assert fault.is_error == severity[fault.rule]
        for lang in LANGUAGES:
            if fault.rule != UNUSABLE:
                assert "?" not in Catalog(lang).phrase(fault.key, **fault.args).removesuffix("?")


@pytest.mark.parametrize(
    ("name", "default", "is_told"),
    [
        ("pin", "", True),
        ("api-token", "x", True),
        ("till", "", False),
        ("pin", "secret://env/PIN", False),
        ("shop-pin", "", True),
        ("spinner", "", False),
    ],
)
def test_a_parameter_that_is_called_like_a_secret_is_told_with_what_helps(tmp_path, name, default, is_told):
    new = f"  {name}: {{title: {{en: Lock, ru: Замок}}, default: '{default}'}}\nroles:\n"
    head = GOOD if name != "till" else GOOD.replace("  till: {title: {en: Till, ru: Касса}}\n", "")
    found = [fault for fault in faults(tmp_path, head.replace("roles:\n", new, 1)) if fault.rule == "PB032"]
    assert bool(found) == is_told
    for fault in found:
        for lang in LANGUAGES:
            words = Catalog(lang).phrase(fault.key, **fault.args)
            assert all(part in words for part in (f"`{name}`", "***", "secret://env/"))


def test_every_rule_is_tried_and_has_its_title():
    elsewhere = {"PB021", "PB053", "PB055"}  # they need a second file
    assert {entry.id for entry in RULES} == {b[0] for b in BROKEN} - {UNUSABLE} | elsewhere
    assert len({entry.id for entry in RULES}) == len(RULES)
    for lang in LANGUAGES:
        for entry in RULES:
            assert Catalog(lang).phrase(f"lint.{entry.id.lower()}-title").endswith(".")


def test_rules_about_neighbours(tmp_path):
    base = tmp_path / "base"
    own = tmp_path / "own"
    base.mkdir()
    own.mkdir()
    outer = GOOD.replace("name: paper", "name: outer").replace("nothing comes out", "other")
    outer = outer.replace("ничего", "иное").replace(HAND_OVER, "{include: paper, roles: {pritner: printer}}")
    outer = outer.replace("- id: bye\n    {", "- {id: bye, ")
    (base / "paper.yaml").write_text(GOOD, encoding="utf-8")
    (own / "paper.yaml").write_text(GOOD, encoding="utf-8")
    (own / "outer.yaml").write_text(outer, encoding="utf-8")
    library = Library([own], shipped=base)
    found = list(lint(library, [library.path(name) for name in library.names()]))
    assert [(fault.rule, fault.path.parent.name, fault.path.stem) for fault in found] == [
        ("PB021", "own", "outer"),
        ("PB053", "own", "paper"),
    ]
    found = list(lint(Library(shipped=base), [base / "paper.yaml"]))
    assert [(fault.rule, fault.line) for fault in found] == [("PB055", 1)]


def test_two_playbooks_with_the_same_symptom(tmp_path):
    (tmp_path / "roll.yaml").write_text(GOOD.replace("name: paper", "name: roll"), encoding="utf-8")
    found = faults(tmp_path, GOOD)
    assert [(fault.rule, fault.line, fault.args["other"]) for fault in found] == [
        ("PB052", 8, "roll"),
        ("PB052", 9, "roll"),
    ]


def test_mending_changes_single_places_and_keeps_all_else(tmp_path):
    text = GOOD.replace("tags: [printer]", "tags: [Printer, 'Till']  # why: two").replace(
        "version: 1\n", "version: 1 \t\n"
    )
    text = text.replace("\n", "\r\n")
    path = tmp_path / "paper.yaml"
    path.write_bytes(text.encode())
    found = list(lint(Library([tmp_path], shipped=None), [path]))
    assert [fault.rule for fault in found] == ["PB054", "PB051", "PB051"]
    assert mend(path, [fault.edit for fault in found if fault.edit])
    wanted = text.replace("version: 1 \t", "version: 1").replace("[Printer, 'Till']", "[printer, 'till']")
    assert path.read_bytes() == wanted.encode()
    assert list(lint(Library([tmp_path], shipped=None), [path])) == []


def test_a_change_that_would_say_something_else_is_not_written(tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert not mend(path, [Edit(3, 10, 11, "2")])
    assert path.read_text(encoding="utf-8") == GOOD


def test_edits_of_one_line_do_not_move_each_other():
    edits = [Edit(1, 1, 2, "xyz"), Edit(1, 3, 4, ""), Edit(2, 1, 1, "> ")]
    assert mended("abcd\nef", edits) == "xyzbd\n> ef"


PIECES = [
    "{printer}",
    "{a.b.c}",
    "''",
    "*",
    "answers.",
    "goto: bye",
    "[",
    "# x",
    "  ",
    "when: 'true'",
    "-",
    "ё",
    "PB001",
]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(PIECES))
def test_no_playbook_breaks_the_lint(tmp_path_factory, start, length, piece):
    folder = tmp_path_factory.mktemp("any")
    for fault in faults(folder, GOOD[:start] + piece + GOOD[start + length :]):
        assert fault.line >= 1
        assert fault.rule == UNUSABLE or Catalog("ru").phrase(fault.key, **fault.args)


# the command


def test_a_file_of_a_configured_folder_does_not_replace_itself(supportctl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    (own / "paper.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "supportctl.yaml").write_text(f"playbooks: {{folders: ['{own}']}}\n", encoding="utf-8")
    assert supportctl("playbook", "lint", "own/paper.yaml").exit_code == 0
    assert supportctl("playbook", "lint", "paper").exit_code == 0


def test_the_command_tells_place_rule_and_counts(supportctl, tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(
        GOOD.replace('== "red"', '== "green"').replace("[printer]\n", "[Printer]\n"), encoding="utf-8"
    )
    code, out, _ = supportctl("playbook", "lint", str(path), "--lang", "en")
    assert code == 2
    assert f"{path}:33:11: PB029 The question `lamp` has no choice `green`." in out
    assert "1 errors, 1 warnings in 1 of 1 playbooks." in out


def test_the_document_of_the_command(supportctl, tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(GOOD.replace("tags: [printer]", "tags: [Printer]"), encoding="utf-8")
    code, out, _ = supportctl("playbook", "lint", str(tmp_path), "--format", "json")
    told = json.loads(out)
    assert (code, told["schema"], told["verdict"], told["playbooks"]) == (
        4,
        "supportctl.lint/1",
        "warning",
        1,
    )
    assert [(fault["rule"], fault["line"], fault["fixable"]) for fault in told["faults"]] == [
        ("PB051", 10, True)
    ]
    code, out, _ = supportctl("playbook", "lint", str(path), "--fix", "--format", "json")
    assert (code, json.loads(out)["mended"]) == (0, [{"file": str(path), "count": 1}])
    code, out, _ = supportctl("playbook", "lint", "no-such-playbook")
    assert code == 2


def test_an_outline(supportctl):
    name = Library().names()[0]
    code, out, _ = supportctl("playbook", "show", name, "--format", "json", "--lang", "ru")
    told = json.loads(out)
    assert (code, told["schema"], told["name"]) == (0, "supportctl.playbook-outline/1", name)
    assert told["steps"]
    code, out, _ = supportctl("playbook", "show", name, "--lang", "en")
    assert code == 0
    assert told["steps"][0]["id"] in out


# the schema


def test_the_schema_is_one_and_takes_what_the_loader_takes():
    schema = document()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(core(GOOD))
    for old, new in (("    check:", "    chekc:"), ("version: 1", "version: one"), (", ru: Касса}", "}")):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(core(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize("name", Library().names())
def test_the_shipped_playbooks_fit_the_schema_and_have_no_faults(name):
    library = Library()
    path = library.path(name)
    jsonschema.Draft202012Validator(document()).validate(core(path.read_text(encoding="utf-8")))
    assert [(fault.rule, fault.line) for fault in lint(library, [path])] == []


def test_the_page_of_the_schema_is_current():
    page = Path(__file__).parents[3] / "docs/schema/playbook.json"
    assert json.loads(page.read_text(encoding="utf-8")) == document()


def test_the_shipped_folder_is_the_packages():
    assert SHIPPED.is_dir()
