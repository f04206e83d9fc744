"""A bundle is always made: whatever collectors do, whole or not at all, within its size."""

from __future__ import annotations

import json
import threading

import pytest

from supportctl.app import bundle
from supportctl.app.bundle import create
from supportctl.app.bundle_collect import Asked, NothingError
from supportctl.app.bundle_show import show
from supportctl.app.bundle_zip import unpacked
from supportctl.core.errors import SupportctlError, UsageError

ASKED = Asked("en", None, None, 0.3)


@pytest.fixture(autouse=True)
def _no_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundle, "find_config", lambda _path: None)


def nothing(_around):
    raise NothingError("why-no-runs")


def refuses(_around):
    raise UsageError("resend.no-config")


def fails(_around):
    raise RuntimeError("password=hunter2 \x1b[2J")


def leaves(_around):
    raise SystemExit(3)


def test_one_that_hangs_fails_or_has_nothing_is_named_and_the_rest_is_there(tmp_path):
    let_go = threading.Event()

    def hangs(_around):
        let_go.wait(30)
        return {"late.txt": b"late"}

    collectors = (
        ("findings", hangs),
        ("host", lambda _around: {"host.json": b"{}"}),
        ("runs", nothing),
        ("resend", refuses),
        ("devices", fails),
        ("logs", leaves),
    )
    try:
        made = create(ASKED, tmp_path / "b.zip", collectors=collectors)
    finally:
        let_go.set()
    shown = show(made.path)
    assert [file.name for file in shown.files] == ["host.json"]
    why = dict(shown.left)
    assert list(why) == ["findings", "runs of playbooks", "lost calls", "devices", "logs"]
    assert "did not answer" in why["findings"]
    assert "hunter2" not in why["devices"]
    assert "\x1b" not in why["devices"]


def test_what_has_no_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_FILE", 100)
    monkeypatch.setattr(bundle, "MAX_ALL", 150)
    files = {"a": b"x" * 90, "b": b"x" * 101, "c": b"x" * 90, "d": b"x" * 50}
    made = create(ASKED, tmp_path / "b.zip", collectors=(("host", lambda _around: files),))
    assert [file["name"] for file in made.files] == ["a", "d"]
    assert [left.what for left in made.left] == ["b", "c"]


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "b.zip"
    path.write_bytes(b"before")

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SupportctlError, match=r"bundle\.unwritable"):
        create(ASKED, path, collectors=())
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]
    with pytest.raises(SupportctlError, match=r"bundle\.unwritable"):
        create(ASKED, tmp_path, collectors=())


def test_a_secret_that_one_collector_meets_is_taken_out_of_what_another_has_made(tmp_path, monkeypatch):
    from supportctl.core import redaction

    monkeypatch.setattr(redaction, "_known", set())
    early = threading.Event()

    def one(around):
        text = around.redactor.lines("Winter-2026")
        early.set()
        return {"one.txt": text.encode()}

    def two(_around):
        early.wait(5)
        redaction.remember("Winter-2026")
        return {}

    made = create(ASKED._replace(deadline_s=5), tmp_path / "b.zip", collectors=(("host", one), ("logs", two)))
    assert unpacked(made.path).members["one.txt"] == b"[secret-1]"


def test_command_line(supportctl, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "supportctl.app.bundle_collect._check", lambda _around: {"verdict": "ok", "findings": []}
    )
    code, out, _ = supportctl("bundle", "create", "--output", "b.zip", "--deadline", "20", "--format", "json")
    told = json.loads(out)
    assert (code, told["schema"], told["file"]) == (0, "supportctl.bundle-made/1", "b.zip")
    assert {"report.json", "host.json"} <= {file["name"] for file in told["files"]}
    code, out, _ = supportctl("bundle", "show", "b.zip", "--lang", "ru")
    assert code == 0
    assert "Не собрано:" in out
    code, out, _ = supportctl("bundle", "redaction-report", "b.zip", "--format", "json")
    assert (code, json.loads(out)["suspicious"]) == (0, [])
