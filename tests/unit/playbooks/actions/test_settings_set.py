"""`settings.set` on real files: nothing but the value changes, and undoing brings the same bytes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbooks.actions import replacing
from playbooks.actions.registry import action
from playbooks.actions.settings_places import NoSpotError, decoded, ini_spot, json_spot
from playbooks.actions.system import this_computer
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.target import parse_target

INI = b"""\
; driver of the till\r
[Device]\r
Port = COM3   ; the old one\r
Speed=9600\r
Name=\xca\xe0\xf1\xf1\xe0\r
\r
[Other]\r
Port=COM9\r
"""
JSON = '{\n\t"device": {"port": "COM3", "speed": 9600, "on": true, "list": [1, {"a": "б"}]},\n "x": null }\n'


@pytest.fixture
def ini(tmp_path):
    path = tmp_path / "driver.ini"
    path.write_bytes(INI)
    return path


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "driver.json"
    path.write_text(JSON, encoding="utf-8")
    return path


def test_a_value_is_set_and_brought_back(settings, ini):
    ini.chmod(0o640)
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(ini, owner, -1)
    plan = settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4")
    assert ini.read_bytes() == INI
    assert (plan.words["was"], plan.words["value"], plan.needless) == ("COM3", "COM4", False)
    assert settings.run(plan).ok
    assert ini.read_bytes() == INI.replace(b"Port = COM3   ;", b"Port = COM4   ;")
    assert (ini.stat().st_mode & 0o777, ini.stat().st_uid) == (0o640, owner)
    assert settings.run(plan).ok  # after an end that nobody saw
    for _time in range(2):
        assert settings.undo(plan).ok
        assert ini.read_bytes() == INI
    assert [each.name for each in ini.parent.iterdir()] == ["driver.ini"]


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("device/port", "COM4", '"COM4"'),
        ("device/speed", "115200", "115200"),
        ("device/on", "false", "false"),
        ("device/list/1/a", 'ш"\\', r'"ш\"\\"'),
    ],
)
def test_json_keeps_its_types(settings, document, key, value, written):
    plan = settings.plan("settings.set", file=str(document), key=key, value=value)
    old = plan.undo["written"]
    assert settings.run(plan).ok
    assert document.read_text(encoding="utf-8") == JSON.replace(old, written, 1)
    assert settings.undo(plan).ok
    assert document.read_text(encoding="utf-8") == JSON


def test_it_is_as_wanted_already(settings, ini):
    assert settings.plan("settings.set", file=str(ini), key="device/speed", value="9600").needless


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("device/prot", "x", "action.no-setting"),
        ("device", "x", "action.setting-no-value"),
        ("x", "x", "action.setting-no-value"),
        ("device/speed", "fast", "action.setting-value"),
        ("device/on", "yes", "action.setting-value"),
        ("device/password", "x", "action.setting-secret"),
        ("device/list/7", "1", "action.no-setting"),
    ],
)
def test_what_is_refused_in_json(settings, document, key, value, error):
    with pytest.raises(UsageError) as caught:
        settings.plan("settings.set", file=str(document), key=key, value=value)
    assert caught.value.key == error


def test_a_key_that_stands_twice_is_refused(settings, ini):
    ini.write_bytes(INI + b"[device]\r\nport=COM1\r\n")
    with pytest.raises(UsageError, match="setting-twice"):
        settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4")


def test_a_value_that_would_be_read_as_a_comment_is_refused(settings, ini):
    with pytest.raises(UsageError, match="setting-value"):
        settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4 ; x")


def test_a_letter_that_the_file_has_not_is_refused(settings, ini):
    with pytest.raises(UsageError, match="setting-value"):
        settings.plan("settings.set", file=str(ini), key="Device/Name", value="中")


def test_other_folders_links_and_odd_files_are_refused(settings, ini, tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "o.ini"
    outside.write_bytes(INI)
    (tmp_path / "link.ini").symlink_to(outside)
    (tmp_path / "folder").symlink_to(outside.parent)
    (tmp_path / "hard.ini").hardlink_to(ini)
    os.mkfifo(tmp_path / "pipe.ini")
    refused = {
        str(outside): "settings-folder",
        str(tmp_path / ".." / outside.parent.name / "o.ini"): "settings-folder",
        "driver.ini": "settings-folder",
        str(tmp_path / "link.ini"): "not-a-plain-file",
        str(tmp_path / "folder" / "o.ini"): "not-a-plain-file",
        str(tmp_path / "hard.ini"): "not-a-plain-file",
        str(tmp_path / "pipe.ini"): "not-a-plain-file",
        str(tmp_path / "none.ini"): "no-settings-file",
    }
    for file, error in refused.items():
        with pytest.raises(UsageError, match=error):
            settings.plan("settings.set", file=file, key="Device/Port", value="COM4")


def test_what_somebody_changed_in_between_is_left_alone(settings, ini):
    plan = settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4")
    ini.write_bytes(INI + b"x=1\r\n")
    assert settings.run(plan).code == "action.failed-changed-since"
    ini.write_bytes(INI)
    assert settings.run(plan).ok
    ini.write_bytes(ini.read_bytes() + b"x=1\r\n")
    assert settings.undo(plan).code == "action.failed-changed-since"
    assert ini.read_bytes().endswith(b"x=1\r\n")


def test_the_journal_gets_no_content_of_the_file(settings, ini):
    ini.write_bytes(INI + b"[Secret]\r\npassword=hunter2\r\n")
    plan = settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4")
    assert "hunter2" not in json.dumps([dict(plan.undo), dict(plan.words)])


KILLED = """
import os, signal, sys
from pathlib import Path
from playbooks.actions import replacing
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
{where} = die
replacing.replace(Path(sys.argv[1]), Path(sys.argv[1]).read_bytes(), b"new")
"""


@pytest.mark.parametrize(
    ("where", "content"), [("os.replace", INI), ("os.fsync", INI), ("replacing._keep_folder", b"new")]
)
def test_killed_at_any_moment_the_file_is_the_old_or_the_new_one(settings, ini, where, content, no_coverage):
    plan = settings.plan("settings.set", file=str(ini), key="Device/Port", value="COM4")
    process = subprocess.run([sys.executable, "-c", KILLED.format(where=where), str(ini)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert ini.read_bytes() == content
    if content == INI:  # the next try is not hindered by what was left
        assert settings.run(plan).ok
        assert settings.undo(plan).ok
        assert ini.read_bytes() == INI
        assert [each.name for each in ini.parent.iterdir()] == ["driver.ini"]


def test_a_file_that_changes_while_it_is_replaced_stays(ini):
    with pytest.raises(replacing.ChangedError):
        replacing.replace(ini, b"what it never was", b"new")
    assert [each.name for each in ini.parent.iterdir()] == ["driver.ini"]
    assert ini.read_bytes() == INI


WORD = st.text(st.sampled_from("abcXYZ019 _.-;#=:\"'[]{}\\/шЖ"), max_size=12)
LINES = st.lists(
    st.one_of(
        st.builds("{}={}".format, WORD, WORD),
        st.builds("[{}]".format, WORD),
        st.builds("; {}".format, WORD),
        WORD,
    ),
    max_size=12,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=12,
)


def there_and_back(path, data: bytes, key: str, value: str) -> bool:
    """Whether the value could be set; then the same bytes came back."""
    path.write_bytes(data)
    clock = SystemClock()
    place = this_computer(clock, parse_target, folders=[str(path.parent)])
    deadline, act = Deadline.after(30, clock), action("settings.set")
    try:
        plan = act.plan({"file": str(path), "key": key, "value": value}, place, deadline)
    except UsageError:
        assert path.read_bytes() == data
        return False
    assert act.run(plan, place, deadline).ok
    text, _mark, _encoding = decoded(path.read_bytes())
    if path.suffix == ".json":
        assert str(json.loads(json_spot(text, key.split("/")).written)).lower() == value.lower()
    else:
        *section, name = key.rsplit("/", 1)
        assert ini_spot(text, [*section, name]).written.strip('"') == value.strip('"')
    assert act.undo(plan, place, deadline).ok
    assert path.read_bytes() == data
    return True


@settings(max_examples=70, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=LINES,
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1251", "utf-16"]),
    value=WORD.filter(str.strip),
)
def test_any_ini_file_comes_back(tmp_path, lines, newline, encoding, value):
    whole = [*lines, "[Device]", "Port=COM3", *[line for line in lines if "[" not in line]]
    there_and_back(tmp_path / "d.ini", newline.join(whole).encode(encoding), "Device/Port", value)


@settings(max_examples=70, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rest=st.dictionaries(WORD, VALUES, max_size=4),
    indent=st.sampled_from([None, 1, "\t"]),
    old=st.one_of(WORD, st.integers(0, 10**9), st.booleans()),
    value=st.one_of(WORD.filter(bool), st.integers(0, 10**6).map(str), st.sampled_from(["true", "false"])),
)
def test_any_json_file_comes_back(tmp_path, rest, indent, old, value):
    text = json.dumps({**rest, "device": {"port": old}}, indent=indent, ensure_ascii=False)
    set_it = there_and_back(tmp_path / "d.json", text.encode(), "device/port", value)
    assert set_it or not isinstance(old, str)


@given(text=st.text(max_size=60), path=st.lists(WORD, min_size=1, max_size=3))
def test_any_text_has_a_spot_or_none(text, path):
    for look in (json_spot, lambda text, path: ini_spot(text, path[:2])):
        try:
            spot = look(text, path)
        except NoSpotError:
            continue
        assert text[spot.start : spot.end] == spot.written


def test_json_too_deep_is_told(settings, document):
    document.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(UsageError, match="settings-broken"):
        settings.plan("settings.set", file=str(document), key="0/0", value="1")
