"""The packet of a run: whole, private, and without a secret whatever the run, the devices or people said."""

from __future__ import annotations

import base64
import json
import os
import stat
import zipfile
from hashlib import sha256
from urllib.parse import quote

import pytest
from playbook_runs import HANDED_OVER, HEADER, INTENTS, OUT, PRINTER, graph

from playbooks.engine.events import Answered, Begun, Checked
from playbooks.engine.journal import Record
from playbooks.engine.records import line_of
from supportctl.app import playbook_packet
from supportctl.app.config_file import read_config
from supportctl.app.playbook_packet import write_packet
from supportctl.core.clock import FakeClock
from supportctl.core.errors import SupportctlError
from supportctl.core.finding import Evidence

GRAPH = graph()
CANARIES = {
    "crm": "canarycrm0123456789",
    "token": "canary-tok'en/+1 x",
    "file": "canaryfile9876543210",
    "chat": "canarychat1234567890",
    "till": "canary-till-4711",
    "db": "canarydb!55",
}
PHONE = "+7 916 123-45-67"
CONFIG = """\
site: {{id: shop-12, name: "Shop on Lenin street"}}
targets:
  - {{name: receipt-printer, url: "{printer}"}}
  - {{name: till, url: "shtrih+tcp://10.0.0.5?password={till}"}}
telephony: {{pbx: {{kind: uis, token: "{token}"}}}}
crm:
  acme: {{kind: bitrix24, url: "https://portal.example/rest/1/{crm}/"}}
trackers:
  dev: {{kind: redmine, url: "https://redmine.example", key: "secret://file{file}", project: integrations}}
store: "postgresql+psycopg://user:{db}@db.example/calls"
notify: ["tgram://{chat}/chat"]
"""


def forms(secret):
    data = secret.encode()
    return {secret, quote(secret, safe=""), data.hex(), base64.b64encode(data).decode().rstrip("=")}


@pytest.fixture
def configuration(tmp_path):
    key = tmp_path / "key"
    key.write_text(CANARIES["file"])
    path = tmp_path / "supportctl.yaml"
    path.write_text(CONFIG.format(**{**CANARIES, "file": key, "printer": PRINTER}))
    found = read_config(path)
    assert found.config is not None, found.problems
    return found


def record(folder, events=HANDED_OVER, header=HEADER, clean=True):
    path = folder / "runs" / f"{header.run}.jsonl"
    path.parent.mkdir(exist_ok=True)
    lines = [line_of(header), *map(line_of, events)] if clean else [json.dumps(str(each)) for each in events]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return Record(path, header, tuple(events), tuple((len(events), each) for each in INTENTS))


def members(packet):
    with zipfile.ZipFile(packet.bundle) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_everything_is_there_private_and_described(tmp_path, configuration):
    packet = write_packet(record(tmp_path), GRAPH, "en", configuration, FakeClock())
    files = members(packet)
    assert set(files) == {
        "journal.jsonl", "report.html", "configuration.json", "version.txt", "packet.md", "packet.json",
        "manifest.json",
    }  # fmt: skip
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in packet[:3]} == {0o600}
    manifest = json.loads(files.pop("manifest.json"))
    told = {each["name"]: (each["size"], each["sha256"]) for each in manifest["files"]}
    assert told == {name: (len(data), sha256(data).hexdigest()) for name, data in files.items()}
    assert [each["what"] for each in manifest["not_collected"]] == ["logs of other programs"]
    assert packet.markdown.read_bytes() == files["packet.md"]
    assert sorted(path.name for path in packet.bundle.parent.iterdir()) == [
        *(f"{HEADER.run}.{ending}" for ending in ("bundle.zip", "jsonl", "packet.json", "packet.md")),
    ]  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_no_secret_passes_in_any_form(tmp_path, configuration, lang):
    """Planted in texts of devices, in hex, in answers, parameters, URLs, the header, and a raw journal."""
    planted = " ".join(f"{form} " for secret in CANARIES.values() for form in forms(secret)) + PHONE
    evidence = Evidence(f"GET {planted}", HEADER.started_at, 1.0, planted, planted, "printer.paper-absent")
    nasty = OUT._replace(
        name=planted,
        args={"port": planted},
        evidence=(evidence, Evidence("ask", HEADER.started_at, 1.0, "x", CANARIES["db"].encode().hex())),
        target=f"{PRINTER}?password={CANARIES['till']}&token=unknown-to-us-77",
    )
    begun, _, red, _, *rest = HANDED_OVER
    params = {"password": "only-in-params-1", "note": planted}
    looked = Checked(2.0, (nasty,), (PRINTER,))
    events = (begun._replace(params=params), looked, red, Answered(40.0, planted), *rest)
    header = HEADER._replace(ticket=planted, site=planted, operator=planted, params=params)
    raw = record(tmp_path, events, header, clean=False)
    with raw.path.open("a") as file:
        file.write(json.dumps({"params": params, "nested": [{"api_key": "only-nested-22"}]}))
        file.write(f"\nbroken line {planted}\n")
    packet = write_packet(raw, GRAPH, lang, configuration, FakeClock())
    secrets = {form for secret in CANARIES.values() for form in forms(secret)}
    secrets |= {"only-in-params-1", "only-nested-22", "unknown-to-us-77", PHONE, "123-45-67"}
    written = {"md": packet.markdown.read_bytes(), "json": packet.document.read_bytes(), **members(packet)}
    for name, data in written.items():
        text = data.decode()
        plain = json.dumps(json.loads(text), ensure_ascii=False) if name.endswith("json") else text
        assert not [secret for secret in secrets if secret in text or secret in plain], name
    told = json.dumps(str(packet.told))
    assert not [secret for secret in secrets if secret in told]


def test_a_photo_stays_where_it_is(tmp_path, monkeypatch):
    step = next(node.step for node in GRAPH.nodes.values() if node.id == "serial")
    photo = step.model_copy(update={"ask": step.ask.model_copy(update={"kind": "photo"})})
    nodes = {**GRAPH.nodes, "serial": GRAPH.nodes["serial"]._replace(step=photo)}
    packet = write_packet(record(tmp_path), GRAPH._replace(nodes=nodes), "en", None, FakeClock())
    left = {each.what: each.why for each in packet.handover.not_collected}
    assert "stays at its place" in left["SN-0815"]
    assert "no configuration" in left["configuration"]


def test_what_is_too_big_is_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(playbook_packet, "MAX_MEMBER", 2000)
    packet = write_packet(record(tmp_path), GRAPH, "en", None, FakeClock())
    assert "report.html" not in members(packet)
    assert "report.html" in {each.what for each in packet.handover.not_collected}
    assert packet.document.stat().st_size > 2000


def test_a_newer_packet_replaces_the_old_one(tmp_path):
    write_packet(record(tmp_path, HANDED_OVER[:3]), GRAPH, "en", None, FakeClock())
    packet = write_packet(record(tmp_path), GRAPH, "en", None, FakeClock())
    assert json.loads(packet.document.read_text())["report"]["outcome"] == "handed-over"


def test_a_folder_that_is_gone_is_said_kindly(tmp_path):
    made = record(tmp_path)
    gone = made._replace(path=tmp_path / "nowhere" / "x.jsonl")
    with pytest.raises(SupportctlError) as caught:
        write_packet(gone, GRAPH, "en", None, FakeClock())
    assert caught.value.key == "handover.unwritable"


def test_a_run_that_has_hardly_begun_has_a_packet(tmp_path):
    assert write_packet(record(tmp_path, (Begun(0.0, {}),)), GRAPH, "ru", None, FakeClock()).bundle.exists()
