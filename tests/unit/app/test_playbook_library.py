"""Which playbooks there are: folders, files that cannot be used, and `playbook list`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbooks.engine.library import SHIPPED
from supportctl.app.playbook_library import folders, listed, runs_folder, shelf
from supportctl.core.site import SiteConfig

PLAYBOOK = """\
schema: supportctl.playbook/1
name: {name}
version: {version}
owner: desk
title: {{en: Title of {name}, ru: Название {name}}}
about: {{en: About it., ru: О нём.}}
symptoms:
  en: [{english}]
  ru: [{russian}]
tags: [{tag}]
steps:
  - {{id: end, solved: {{say: {{en: Done., ru: Готово.}}}}}}
"""


def write(folder, name, *, english="it is broken", russian="сломалось", tag="till", version=1, file=None):
    folder.mkdir(exist_ok=True)
    path = folder / (file or f"{name}.yaml")
    text = PLAYBOOK.format(name=name, english=english, russian=russian, tag=tag, version=version)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "own"
    write(place, "own-printer", english="no receipt comes out", russian="не печатает чек", tag="printer")
    write(place, "own-drawer", english="the drawer is stuck", russian="ящик не открывается", tag="drawer")
    return place


@pytest.fixture
def config(tmp_path, folder):
    path = tmp_path / "supportctl.yaml"
    path.write_text(f"playbooks:\n  folders: ['{folder}']\n", encoding="utf-8")
    return path


def test_the_shipped_library_comes_first():
    config = SiteConfig.model_validate({"playbooks": {"folders": ["/srv/playbooks"]}})
    assert folders(config) == [SHIPPED, Path("/srv/playbooks")]
    assert folders(None) == [SHIPPED]
    assert SHIPPED.is_dir()


def test_where_runs_are_kept():
    assert runs_folder(SiteConfig.model_validate({"playbooks": {"runs": "/srv/runs"}})) == Path("/srv/runs")
    assert runs_folder(None).parts[-2:] == ("supportctl", "runs")


def test_a_later_folder_takes_the_place_of_an_earlier_one(tmp_path, folder):
    write(tmp_path / "later", "own-printer", version=7)
    books = shelf([folder, tmp_path / "later"])
    assert books.playbooks["own-printer"][1].version == 7
    assert not books.broken


def test_a_file_that_cannot_be_used_hides_no_other(tmp_path, folder):
    (folder / "a-list.yaml").write_text("- 1\n", encoding="utf-8")
    (folder / "broken.yaml").write_text("name: [", encoding="utf-8")
    (folder / "bytes.yaml").write_bytes(b"name: \0")
    (folder / "empty.yaml").write_text("", encoding="utf-8")
    (folder / "folder.yaml").mkdir()
    (folder / "twice.yaml").write_text("name: a\nname: b\n", encoding="utf-8")
    write(folder, "own-drawer", file="z-copy.yaml")
    books = shelf([folder, tmp_path / "not-there"])
    assert set(books.playbooks) == {"own-printer", "own-drawer"}
    assert books.playbooks["own-drawer"][0].name == "own-drawer.yaml"
    assert {path.name: error.key for path, error in books.broken} == {
        "a-list.yaml": "playbook.not-a-section",
        "broken.yaml": "playbook.unfinished",
        "bytes.yaml": "playbook.zeros",
        "empty.yaml": "playbook.empty",
        "folder.yaml": "playbook.directory",
        "twice.yaml": "playbook.duplicate-key",
        "z-copy.yaml": "playbook.other-name",
        "not-there": "playbook.no-such-folder",
    }


def test_a_mistake_is_told_with_its_place(folder):
    path = write(folder, "wrong")
    path.write_text(path.read_text(encoding="utf-8").replace("version: 1", "version: soon"), encoding="utf-8")
    ((where, error),) = shelf([folder]).broken
    assert where == path
    assert error.args_by_name["where"] == f"{path}:3:1"


def test_tests_beside_playbooks_are_no_playbooks(folder):
    (folder / "own-printer.test.yaml").write_text("name: [", encoding="utf-8")
    books = shelf([folder])
    assert set(books.playbooks) == {"own-printer", "own-drawer"}
    assert not books.broken


def test_by_name_or_by_what_the_customer_says(folder):
    books = shelf([folder])
    assert [one.name for one in listed(books, "en")] == ["own-drawer", "own-printer"]
    assert [one.name for one in listed(books, "en", tag="drawer")] == ["own-drawer"]
    assert list(listed(books, "ru", symptom="yt gtxfnftn xtr", tag="drawer")) == []
    (hit,) = listed(books, "ru", symptom="yt gtxfnftn xtr")
    assert (hit.name, hit.title, hit.symptom) == ("own-printer", "Название own-printer", "не печатает чек")


def test_the_command_says_why(supportctl, config):
    exit_code, out, err = supportctl(
        "playbook",
        "list",
        "--lang",
        "ru",
        "--config",
        str(config),
        "--tag",
        "printer",
        "--symptom",
        "ne pechataet chek",
    )
    assert (exit_code, err) == (0, "")
    assert out.splitlines()[0].split() == ["own-printer", "Название", "own-printer"]
    assert out.splitlines()[1].strip() == "признак: «не печатает чек»; слова: печатает, чек"


def test_the_document(supportctl, config, folder):
    (folder / "broken.yaml").write_text("name: [", encoding="utf-8")
    words = ("playbook", "list", "--config", str(config), "--format", "json")
    exit_code, out, _ = supportctl(*words, "--symptom", "no receipt comes out")
    document = json.loads(out)
    assert exit_code == 0
    assert document["schema"] == "supportctl.playbooks/1"
    rows = {row["name"]: row for row in document["playbooks"]}
    keys = {"name", "title", "tags", "version", "owner", "score", "why", "file", "problem"}
    assert all(set(row) == keys for row in document["playbooks"])
    assert rows["own-printer"]["why"]["symptom"] == "no receipt comes out"
    assert 0 < rows["own-printer"]["score"] <= 1
    assert rows[None]["problem"]["code"] == "playbook.unfinished"
    assert str(folder / "broken.yaml") in rows[None]["problem"]["found"]
    whole = json.loads(supportctl(*words)[1])
    assert all(row["score"] is None and row["why"] is None for row in whole["playbooks"])


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_nothing_fits(supportctl, config, lang):
    exit_code, out, _ = supportctl(
        "playbook", "list", "--lang", lang, "--config", str(config), "--symptom", "quantum", "--tag", "drawer"
    )
    assert exit_code == 5
    assert "--tag" in out
