"""Adding targets to a configuration: nothing else in it changes, whatever happens."""

from __future__ import annotations

import stat
import tempfile
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.app import config_write
from supportctl.app.config_file import load_config
from supportctl.app.config_write import add_targets, with_targets
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.target import parse_target
from supportctl.reading.yaml_tree import read_tree

NEW = parse_target("escpos+tcp://192.168.1.60:9100", "kitchen")
LINE = '- {name: "kitchen", url: "escpos+tcp://192.168.1.60:9100"}'

FILES = {
    "none": "",
    "no list": "site: {id: x}\n",
    "no line end": "site: {id: x}",
    "empty list": "targets: []\nsite: {id: x}\n",
    "nothing behind the key": "targets:\n\n# the store\nstore: sqlite:///x\n",
    "block": "targets:\n  - {name: a, url: 'escpos+tcp://a'}  # first\n",
    "block, more behind": "targets:\n- name: a\n  url: 'escpos+tcp://a'\n\n# the site\nsite: {id: x}\n",
    "block, deep": (
        "targets:\n    - name: a\n      url: 'escpos+tcp://a'\n      expect:\n        drawer: open\n\nstore: sqlite://\n"
    ),
    "brackets": "targets: [{name: a, url: 'escpos+tcp://a'}]  # all\nsite: {id: x}\n",
    "brackets over lines": "targets: [\n  {name: a, url: 'escpos+tcp://a'},\n]\n",
    "brackets, no comma": "targets: [\n  {name: a, url: 'escpos+tcp://a'}  # , no comma\n]\n",
    "windows": "# note\r\ntargets:\r\n  - {name: a, url: 'escpos+tcp://a'}\r\nsite: {id: x}\r\n",
    "list last": "site: {id: x}\ntargets:\n  - {name: a, url: 'escpos+tcp://a'}\n  # - {name: off, url: 'escpos+tcp://off'}\n",
    "whole document in brackets": "{targets: [{name: a, url: 'escpos+tcp://a'}]}\n",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _locks_of_our_own(tmp_path_factory):
    """Lock files lie in the folder for temporary files; those of tests do not stay there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "supportctl.yaml"
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_entry_is_added_and_everything_else_stays(file, text):
    path = file(text)
    before = load_config(path) if text else None
    assert add_targets(path, [NEW], FakeClock())[1] == [NEW]
    after = load_config(path)
    assert after.targets[-1].url == NEW.url
    assert (
        [entry.name for entry in after.targets[:-1]] == [entry.name for entry in before.targets if before]
        if before
        else True
    )
    written = path.read_bytes().decode()
    for line in text.splitlines():
        comment = line.partition("#")[2]
        assert comment in written
    assert ("\r\n" in text) == ("\r\n" in written)
    assert "\n" not in written.replace("\r\n", "") or "\r\n" not in text


def test_style_of_a_block_is_kept():
    text = "targets:\n- {name: a, url: 'escpos+tcp://a'}\n\n# the site\nsite: {id: x}\n"
    assert with_targets(text, [NEW]) == text.replace("\n\n# the", f"\n{LINE}\n\n# the")


def test_what_is_there_is_skipped(file):
    path = file("targets: [{name: a, url: 'escpos+tcp://192.168.1.60'}]\n")
    before = path.read_bytes()
    assert add_targets(path, [NEW], FakeClock())[1] == []
    assert path.read_bytes() == before


def test_names_stay_unique(file):
    path = file("targets: [{name: Kitchen, url: 'escpos+tcp://a'}]\n")
    other = parse_target("escpos+tcp://192.168.1.61:9100", "kitchen")
    added = add_targets(path, [NEW, other], FakeClock())[1]
    assert [target.name for target in added] == ["kitchen-2", "kitchen-3"]


def test_new_file_is_begun_with_a_word_on_what_it_is(tmp_path):
    path, added = add_targets(tmp_path / "new.yaml", [NEW], FakeClock())
    assert added == [NEW]
    assert path.read_text().startswith("# ")
    assert load_config(path).targets[0].name == "kitchen"


def test_rights_and_byte_order_mark_are_kept(file):
    path = file("﻿targets: []\n")
    path.chmod(0o640)
    add_targets(path, [NEW], FakeClock())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_link_stays_a_link(file, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(file("targets: []\n"))
    add_targets(link, [NEW], FakeClock())
    assert link.is_symlink()
    assert load_config(link).targets[0].url == NEW.url


def test_file_with_mistakes_is_left_alone(file):
    path = file("targts: []\n")
    with pytest.raises(UsageError, match=r"discover\.config-broken"):
        add_targets(path, [NEW], FakeClock())
    assert path.read_text() == "targts: []\n"


def test_what_cannot_be_inserted_soundly_is_not_written(file, monkeypatch):
    path = file("targets: []\n")
    monkeypatch.setattr(config_write, "with_targets", lambda text, targets: "targets: [oops\n")
    with pytest.raises(SupportctlError, match=r"discover\.cannot-insert"):
        add_targets(path, [NEW], FakeClock())
    assert path.read_text() == "targets: []\n"


def test_file_that_cannot_be_read_back_is_restored(file, monkeypatch):
    path = file("targets: []\n")
    real = config_write.read_config
    calls = []

    def broken_later(found):
        calls.append(found)
        if len(calls) > 1:
            raise UsageError("config.unreadable", found=found)
        return real(found)

    monkeypatch.setattr(config_write, "read_config", broken_later)
    with pytest.raises(SupportctlError, match=r"discover\.cannot-insert"):
        add_targets(path, [NEW], FakeClock())
    assert path.read_text() == "targets: []\n"


def test_change_by_an_editor_is_not_overwritten(file, monkeypatch):
    path = file("targets: []\n")
    real = config_write.with_targets

    def edited_meanwhile(text, targets):
        path.write_text("site: {id: edited}\n")
        return real(text, targets)

    monkeypatch.setattr(config_write, "with_targets", edited_meanwhile)
    with pytest.raises(UsageError, match=r"discover\.config-busy"):
        add_targets(path, [NEW], FakeClock())
    assert path.read_text() == "site: {id: edited}\n"


def test_writers_wait_for_each_other(file):
    path = file("# shop\ntargets: []\n")
    targets = [parse_target(f"escpos+tcp://192.168.1.{n}:9100", f"p{n}") for n in range(1, 9)]
    threads = [threading.Thread(target=add_targets, args=(path, [t], SystemClock())) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.name for entry in load_config(path).targets} == {target.name for target in targets}
    assert list(path.parent.iterdir()) == [path]


def test_second_writer_gives_up_after_a_while(file):
    path = file("targets: []\n")
    held = config_write._locked(path.resolve(), FakeClock())
    with held, pytest.raises(UsageError, match=r"discover\.config-busy"):
        add_targets(path, [NEW], FakeClock())


def test_folder_that_cannot_be_written_to(tmp_path):
    with pytest.raises(UsageError, match=r"discover\.cannot-write"):
        add_targets(tmp_path / "none/supportctl.yaml", [NEW], FakeClock())


_blank = st.sampled_from(["", "# c: [\n", "\n", "  # x\n"])
_entry = st.sampled_from(
    ["  - {name: a, url: 'escpos+tcp://a'}\n", "  - name: a\n    url: 'escpos+tcp://a'\n"]
)
_rest = st.sampled_from(["", "site: {id: x}\n", "host:\n  services: [a]\n"])


@given(st.lists(_blank, max_size=3), _rest, _entry, _blank, _blank, _rest)
def test_any_layout_of_a_block(head, first, entry, within, behind, last):
    if first == last and first:
        last = ""
    text = "".join((*head, first, "targets:\n", within, entry, behind, last))
    old = read_tree(text).plain()
    new = read_tree(with_targets(text, [NEW])).plain()
    assert new.pop("targets") == [*old.pop("targets"), {"name": "kitchen", "url": NEW.url}]
    assert new == old
