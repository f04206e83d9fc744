"""Bundles that were made to do harm, and ours searched for every secret that was put in their way."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from supportctl.app.bundle import Asked, create
from supportctl.app.bundle_collect import COLLECTORS
from supportctl.app.bundle_show import leaks, show
from supportctl.app.bundle_zip import described, packed, unpacked
from supportctl.core import redaction
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.scrubbing import forms_of
from supportctl.remote.audit import Who
from supportctl.remote.audit import create as begin

CANARIES = {
    "portal": "canaryportal0123456789",
    "token": "canary-tok'en/+1 x",
    "till": "canary-till-4711",
    "db": "canarydb!55",
    "log": "canary log 77",
    "card": "4111 1111 1111 1111",
    "phone": "916 123-45-67",
    "person": "Сидорова Анна",
}
CONFIG = """\
site: {{id: shop-12, name: "Shop", phone_region: RU}}
targets:
  - {{name: till, url: "shtrih+tcp://127.0.0.1:1?password={till}"}}
telephony: {{pbx: {{kind: uis, token: "{token}"}}}}
crm:
  acme: {{kind: bitrix24, url: "https://portal.example/rest/1/{portal}/"}}
store: "postgresql+psycopg://user:{db}@127.0.0.1:1/calls"
bundle: {{logs: ["{log}"]}}
playbooks: {{runs: "{runs}"}}
"""


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


@pytest.fixture
def till(tmp_path, monkeypatch):
    """Return the configuration of a till where every canary stands in every artefact."""
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    every = " ".join(value for name, value in CANARIES.items() if name not in {"log", "person"})
    said = f"{every} password='{CANARIES['log']}' Кассир {CANARIES['person']} +7 {CANARIES['phone']}"
    log = tmp_path / "till.log"
    log.write_text(f"{said}\nAuthorization: Bearer {CANARIES['portal']}\n" * 3)
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "261122-1000-abcd.jsonl").write_text(
        json.dumps({"kind": "x", "said": said, "password": CANARIES["log"]}) + f"\nno json {said}\n"
    )
    who = Who("s1", "T-1 " + CANARIES["till"], "customer", "shop", "anna")
    audit = begin(state / "supportctl" / "sessions" / "1.jsonl", who, SystemClock())
    audit.write("intent", method="check", params={"target": said})
    audit.close()
    report = tmp_path / "report.json"
    finding = {
        "code": "printer.paper-out",
        "status": "fault",
        "title": said,
        "name": said,
        "evidence": [{"got": said}],
    }
    report.write_text(
        json.dumps({"schema": "supportctl.report/1", "verdict": "fault", "findings": [finding]})
    )
    config = tmp_path / "supportctl.yaml"
    config.write_text(CONFIG.format(**CANARIES | {"log": log, "runs": runs}))
    return config, report


def test_no_canary_is_in_any_artefact(till, tmp_path):
    config, report = till
    made = create(Asked("ru", config, report, 30.0), tmp_path / "b.zip", tmp_path / "map.json")
    members = unpacked(made.path).members
    assert {"report.json", "configuration.json", "host.json", "devices.json", "logs/1.log"} <= set(members)
    assert {"runs/1.jsonl", "sessions/1.jsonl"} <= set(members)
    whole = made.path.read_bytes()
    secrets = {form for name in ("portal", "token", "till", "db") for form in forms_of(CANARIES[name])}
    for name, data in members.items():
        text = data.decode()
        for secret in (*secrets, "log 77", CANARIES["card"], "123-45-67", CANARIES["person"]):
            assert secret not in text, name
            assert json.dumps(secret)[1:-1] not in text, name
    assert not [secret for secret in secrets if secret.encode() in whole]
    assert leaks(show(made.path)) == ()
    for path in (made.path, tmp_path / "map.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    table = json.loads((tmp_path / "map.json").read_text())["tokens"]
    assert any(CANARIES["card"] in value for value in table.values())
    assert "***" not in table.values()
    assert "logs/1.log" in {file["name"] for file in made.files if file["removed"].get("secret")}


def test_the_map_is_the_customers_and_no_other_file_is_written_over(till, tmp_path):
    config, report = till
    asked = Asked("en", config, report, 30.0)
    only = tuple(each for each in COLLECTORS if each[0] in {"findings", "logs"})
    path = tmp_path / "map.json"
    create(asked, tmp_path / "1.zip", path, collectors=only)
    first = json.loads(path.read_text())["tokens"]
    create(asked, tmp_path / "2.zip", path, collectors=only)
    assert first.items() <= json.loads(path.read_text())["tokens"].items()
    foreign = tmp_path / "foreign.json"
    foreign.write_text("{}")
    with pytest.raises(UsageError, match=r"bundle\.foreign-map"):
        create(asked, tmp_path / "3.zip", foreign, collectors=only)
    assert foreign.read_text() == "{}"
    assert not (tmp_path / "3.zip").exists()


def good(**more):
    members = {"report.json": b"{}"} | more
    files = [asdict(described(name, data)) for name, data in members.items()]
    return packed("b", members, {"schema": "supportctl.bundle/1", "files": files})


def zipped(*entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, *more in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in (more[0] if more else {}).items():
                setattr(info, attribute, value)
            archive.writestr(info, data)
    return out.getvalue()


def renamed(name):
    """Return a ZIP with a name that the library would not write."""
    plain = "b/" + "q" * (len(name.encode()) - 2)
    return zipped((plain, b"x")).replace(plain.encode(), name.encode())


def forged_size(data, size):
    """Say another unpacked size in the directory and in the local header."""
    whole = bytearray(data)
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = whole.find(mark)
        struct.pack_into("<L", whole, at + place, size)
    return bytes(whole)


def bad_crc(data):
    whole = bytearray(data)
    for mark, place in ((b"PK\1\2", 16), (b"PK\3\4", 14)):
        struct.pack_into("<L", whole, whole.find(mark) + place, 0xDEADBEEF)
    return bytes(whole)


def overlapping():
    """Two names for the same bytes."""
    whole = bytearray(zipped(("b/1", b"x" * 500), ("b/2", b"x" * 500)))
    second = whole.find(b"PK\1\2", whole.find(b"PK\1\2") + 4)
    struct.pack_into("<L", whole, second + 42, 0)
    return bytes(whole)


def flagged(data, flag):
    whole = bytearray(data)
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = whole.find(mark) + place
        struct.pack_into("<H", whole, at, struct.unpack_from("<H", whole, at)[0] | flag)
    return bytes(whole)


def end_says(count):
    whole = bytearray(good())
    at = whole.rfind(b"PK\5\6")
    struct.pack_into("<2H", whole, at + 8, count, count)
    return bytes(whole)


LINK = {"create_system": 3, "external_attr": (stat.S_IFLNK | 0o777) << 16}
FIFO = {"create_system": 3, "external_attr": (stat.S_IFIFO | 0o600) << 16}
HOSTILE = {
    "up": lambda: zipped(("b/../../etc/passwd", b"x")),
    "dot": lambda: zipped(("b/./x", b"x")),
    "absolute": lambda: zipped(("/etc/passwd", b"x")),
    "drive": lambda: zipped(("b/C:x", b"x")),
    "stream": lambda: zipped(("b/x.txt:evil", b"x")),
    "backslash": lambda: renamed("b/..\\..\\x"),
    "unc": lambda: renamed("\\\\srv\\x"),
    "device": lambda: zipped(("b/con.txt", b"x")),
    "trailing": lambda: zipped(("b/x. ", b"x")),
    "empty-part": lambda: zipped(("b//x", b"x")),
    "folder": lambda: zipped(("b/x/", b"")),
    "link": lambda: zipped(("b/x", b"/etc/passwd", LINK)),
    "fifo": lambda: zipped(("b/x", b"", FIFO)),
    "same-case": lambda: zipped(("b/A.txt", b"1"), ("b/a.TXT", b"2")),
    "same-width": lambda: zipped(("b/a", b"1"), ("b/\uff41", b"2")),
    "escape": lambda: zipped(("b/\x1b[2Jx", b"x")),
    "bidi": lambda: zipped(("b/\u202egpj.exe", b"x")),
    "nul": lambda: renamed("b/report\x00.exe"),
    "long-name": lambda: zipped(("b/" + "x" * 300, b"x")),
    "ratio": lambda: zipped(("b/x", b"\0" * 20_000_000)),
    "total": lambda: zipped(*((f"b/{n}", bytes(range(256)) * 4000 * 30) for n in range(5))),
    "count": lambda: zipped(*((f"b/{n}", b"") for n in range(501))),
    "forged-count": lambda: end_says(60_000),
    "forged-small": lambda: forged_size(zipped(("b/x", b"x" * 5000)), 10),
    "forged-big": lambda: forged_size(zipped(("b/x", b"x" * 5000)), 6000),
    "crc": lambda: bad_crc(zipped(("b/x", b"x" * 50))),
    "overlap": overlapping,
    "encrypted": lambda: flagged(zipped(("b/x", b"x" * 50)), 1),
    "lzma": lambda: zipped(("b/x", b"x" * 50, {"compress_type": zipfile.ZIP_LZMA})),
    "cut": lambda: good()[:-30],
    "no-zip": lambda: b"hello" * 100,
    "empty": lambda: b"",
    "two-folders": lambda: zipped(("a/x", b""), ("b/y", b"")),
    "no-folder": lambda: zipped(("x", b"")),
    "no-manifest": lambda: zipped(("b/x", b"")),
    "deep-manifest": lambda: zipped(("b/manifest.json", b"[" * 100_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_refused(name, tmp_path, monkeypatch):
    path = tmp_path / "x.zip"
    path.write_bytes(HOSTILE[name]())
    inside = set(tmp_path.iterdir())
    with pytest.raises(UsageError) as refused:
        show(path)
    assert refused.value.key.startswith("bundle.")
    assert all(text.isprintable() for text in refused.value.args_by_name.values())
    assert set(tmp_path.iterdir()) == inside, "nothing is ever unpacked"


def test_a_file_bigger_than_a_bundle_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("supportctl.app.bundle_zip.MAX_FILE", 1000)
    (tmp_path / "x.zip").write_bytes(b"PK" * 2000)
    with pytest.raises(UsageError, match=r"bundle\.too-big"):
        unpacked(tmp_path / "x.zip")


def test_a_zip_inside_stays_shut(tmp_path):
    bomb = HOSTILE["ratio"]()
    (tmp_path / "x.zip").write_bytes(good(**{"inner.zip": bomb}))
    shown = show(tmp_path / "x.zip")
    assert shown.intact
    assert shown.members["inner.zip"] == bomb


def test_changed_missing_and_extra_files_are_named(tmp_path):
    files = [{"name": "a", "size": 1, "sha256": "0"}, {"name": "gone\x1b[2J", "size": 1, "sha256": "0"}, 7]
    manifest = {"schema": "supportctl.bundle/1", "files": files, "not_collected": "x", "made_at": "\x1b]0;x"}
    (tmp_path / "x.zip").write_bytes(packed("b", {"a": b"1", "more": b"2", "report.json": b"[1]"}, manifest))
    shown = show(tmp_path / "x.zip")
    assert [(file.name, file.state) for file in shown.files] == [
        ("a", "changed"),
        ("gone\\x1b[2J", "missing"),
        ("more", "extra"),
        ("report.json", "extra"),
    ]
    assert not shown.intact
    assert "\x1b" not in shown.made_at


def test_a_secret_that_was_left_is_pointed_at_and_not_shown(tmp_path):
    (tmp_path / "x.zip").write_bytes(good(**{"logs/1.log": b"ok\nok\npassword=hunter2\n4111111111111111\n"}))
    assert [(leak.line, leak.kind) for leak in leaks(show(tmp_path / "x.zip"))] == [
        (3, "secret"),
        (4, "card"),
    ]


def test_an_unpacker_that_we_did_not_write_reads_ours(till, tmp_path):
    config, report = till
    only = tuple(each for each in COLLECTORS if each[0] == "host")
    made = create(Asked("en", config, report, 30.0), tmp_path / "b.zip", collectors=only)
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        folder = Path(archive.namelist()[0]).parts[0]
        manifest = json.loads(archive.read(f"{folder}/manifest.json"))
    assert manifest["schema"] == "supportctl.bundle/1"
    assert [file["name"] for file in manifest["files"]] == ["host.json"]
