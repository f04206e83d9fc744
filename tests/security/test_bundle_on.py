"""A bundle that comes over a session: no secret of the far side in it, and a hostile one does no harm."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest
from agents import SUPPORTCTL, Agent, installed, pushed
from hypothesis import given
from hypothesis import strategies as st
from ssh_server import nobody_holds

from supportctl.app import remote_bundle
from supportctl.app.bundle_show import leaks, show
from supportctl.app.bundle_zip import described, packed
from supportctl.app.remote import Remote
from supportctl.app.remote_bundle import BLOCK, MAX_SIZE, Bundles, bundle_on
from supportctl.core import redaction
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError
from supportctl.core.scrubbing import forms_of
from supportctl.remote.audit_check import check
from supportctl.remote.hosts import HostKey, HostStore
from supportctl.remote.server import Call

CANARIES = {
    "token": "canary-tok'en/+1 x",
    "till": "canary-till-4711",
    "portal": "canaryportal0123456789",
    "db": "canarydb!55",
    "log": "canary log 77",
    "share": "canarysharekey0123456789abcdef",
    "environment": "canary-environment-99",
    "card": "4111 1111 1111 1111",
}
CONFIG = """\
site: {{id: shop-12, name: "Shop", phone_region: RU}}
targets:
  - {{name: till, url: "shtrih+tcp://127.0.0.1:1?password={till}"}}
telephony: {{pbx: {{kind: uis, token: "{token}"}}}}
crm:
  acme: {{kind: bitrix24, url: "https://portal.example/rest/1/{portal}/"}}
  other: {{kind: bitrix24, url: "secret://env/FAR_PORTAL"}}
store: "postgresql+psycopg://user:{db}@127.0.0.1:1/calls"
bundle: {{logs: ["{file}"]}}
playbooks: {{runs: "{runs}"}}
remote:
  bastion:
    host: 127.0.0.1
    host_key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    ports: [42300]
    share_key: |
      -----BEGIN OPENSSH PRIVATE KEY-----
      {share}
      -----END OPENSSH PRIVATE KEY-----
"""


@pytest.fixture
def far(tmp_path):
    """Return the environment and the configuration of a far side that is full of secrets."""
    folder = tmp_path / "far"
    folder.mkdir()
    every = " ".join(value for name, value in CANARIES.items() if name not in {"log", "share"})
    log = folder / "till.log"
    log.write_text(f"{every} password='{CANARIES['log']}'\nAuthorization: Bearer {CANARIES['portal']}\n")
    (folder / "runs").mkdir()
    (folder / "runs/261122-1000-abcd.jsonl").write_text(json.dumps({"kind": "x", "said": every}) + "\n")
    config = folder / "far.yaml"
    config.write_text(CONFIG.format(file=log, runs=folder / "runs", **CANARIES))
    return {"XDG_STATE_HOME": str(folder / "state"), "FAR_PORTAL": CANARIES["environment"]}, config


class Over:
    """A session as `bundle_on` knows one, with a client over a pipe."""

    def __init__(self, client) -> None:
        self.client = client
        self.back = lambda: False


def clean_of_secrets(path):
    """Look at a bundle: sound, private, and without a canary in any form in any of its files."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = show(path)
    assert shown.intact
    for name, data in shown.members.items():
        text = data.decode()
        for value in CANARIES.values():
            for form in {value, *forms_of(value)}:
                assert form not in text, (name, value)
    assert not leaks(shown)
    return shown


def test_no_secret_of_the_far_side_comes_over_a_pipe_and_both_logs_name_the_bundle(far, tmp_path):
    env, config = far
    words = [SUPPORTCTL, "--config", str(config), "agent", "--stdio"]
    with Agent(words, env={**os.environ, **env}) as agent:
        agent.greet()
        made = bundle_on(Remote(Over(agent.client), "there"), "ru", tmp_path / "b.zip", 20.0)
        assert agent.end() == 0
    shown = clean_of_secrets(made.path)
    names = [file.name for file in shown.files]
    assert {
        "report.json",
        "configuration.json",
        "host.json",
        "devices.json",
        "runs/1.jsonl",
        "logs/1.log",
    } <= {*names}
    assert made.removed["secret"] >= 8
    assert [left.what for left in made.left] == [what for what, _ in shown.left]
    (log,) = Path(env["XDG_STATE_HOME"]).rglob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (counted,) = [line for line in lines if line.get("outcome") == "counted"]
    assert counted["sha256"] == sha256(made.path.read_bytes()).hexdigest()
    assert counted["size"] == made.size


@pytest.mark.peer("sshd")
def test_over_a_real_ssh_server_as_people_type_it(far, supportctl, sshd, tmp_path, monkeypatch):
    env, config = far
    options = ",".join(f'environment="{name}={value}"' for name, value in env.items())
    sshd.allow(f'restrict,{options},command="{SUPPORTCTL} --config {config} agent --stdio"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "ours"))
    key = paramiko.PKey.from_path(str(sshd.host_keys[0]))
    known = HostKey.of(key.get_name(), key.asbytes())
    store = HostStore(tmp_path / "config/supportctl/remote/hosts.json")
    store.keep("127.0.0.1", sshd.port, known, SystemClock().now())
    place = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}?key={sshd.client_key}&way="
    words = ("bundle", "create", "--ticket", "T-5", "--deadline", "20", "--format", "json", "--output")
    ended = supportctl(*words, str(tmp_path / "b.zip"), "--on", f"{place}installed")
    assert ended.exit_code == 0, ended.err
    document = json.loads(ended.out)
    assert (document["file"], document["token_map"]) == (str(tmp_path / "b.zip"), None)
    assert {each["what"] for each in document["not_collected"]}
    clean_of_secrets(tmp_path / "b.zip")
    (ours,) = (tmp_path / "ours").rglob("*.jsonl")
    (theirs,) = Path(env["XDG_STATE_HOME"]).rglob("*.jsonl")
    nobody_holds(Path(env["XDG_STATE_HOME"]))
    verdict = check(ours, peer=theirs)
    assert (verdict.status, verdict.log.header["ticket"]) == ("ok", "T-5")
    sshd.allow("restrict")
    ended = supportctl(*words, str(tmp_path / "c.zip"), "--on", f"{place}push")
    assert ended.exit_code == 1
    assert json.loads(ended.out)["error"]["code"] == "bundle.not-there"
    assert not (tmp_path / "c.zip").exists()


def test_who_may_only_look_asks_no_device_through_a_bundle(tmp_path):
    with installed("--allow", "observe", env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}) as agent:
        agent.greet()
        made = bundle_on(Remote(Over(agent.client), "there"), "en", tmp_path / "b.zip", 15.0)
    assert dict(made.left)["findings"] == "this session may look at the computer, and ask no devices"
    assert "report.json" not in [file["name"] for file in made.files]


def test_an_agent_that_is_brought_along_says_that_it_cannot(tmp_path):
    with pushed() as agent:
        agent.greet()
        with pytest.raises(SupportctlError) as refused:
            bundle_on(Remote(Over(agent.client), "there"), "en", tmp_path / "b.zip", 15.0)
    assert refused.value.key == "bundle.not-there"


def call():
    return Call("bundle", Deadline.after(30.0, SystemClock()), threading.Event(), lambda _value: None)


def test_blocks_are_bounded_and_a_name_opens_its_own_bundle_only(monkeypatch):
    bundles = Bundles(None, SystemClock())
    data = bytes(range(256)) * (BLOCK // 128)
    bundles._kept = ("right", data)
    read = bundles.handlers()["bundle.read"]
    blocks = [base64.b64decode(read({"bundle": "right", "at": at}, call())["data"]) for at in (0, BLOCK)]
    assert b"".join(blocks) == data
    assert read({"bundle": "right", "at": 2**53 - 1}, call())["data"] == ""
    for name in ("", "wrong"):
        with pytest.raises(SupportctlError) as gone:
            read({"bundle": name, "at": 0}, call())
        assert gone.value.key == "bundle.gone"


class Hostile:
    """A far side that answers what a test says."""

    def __init__(self, told, blocks) -> None:
        self.hello = None
        self.told, self.blocks, self.asked = told, blocks, 0

    def call(self, method, params, **_more):
        if method == "bundle":
            return self.told
        self.asked += 1
        assert self.asked < 100
        return {"data": self.blocks(params["at"])}


def wants(data, **more):
    return {"bundle": "x", "size": len(data), "sha256": sha256(data).hexdigest(), **more}


def sliced(data):
    return lambda at: base64.b64encode(data[at : at + BLOCK]).decode()


SOUND = packed("b", {"a.txt": b"a"}, {"schema": "supportctl.bundle/1", "files": [], "not_collected": []})


@pytest.mark.parametrize(
    ("told", "blocks"),
    [
        ({}, sliced(b"x")),
        (wants(b"x" * 9, size=0), sliced(b"x" * 9)),
        (wants(b"x" * 9, size=MAX_SIZE + 1), sliced(b"x" * 9)),
        (wants(b"x" * 9, size=True), sliced(b"xx")),
        (wants(b"x" * 9, size="9"), sliced(b"x" * 9)),
        (wants(b"x" * 9, bundle=["x"]), sliced(b"x" * 9)),
        (wants(b"x" * 9), lambda _at: ""),
        (wants(b"x" * 9), lambda _at: "no base64"),
        (wants(b"x" * 9), sliced(b"x" * 10)),
        (wants(b"x" * 9), sliced(b"y" * 9)),
        (wants(b"x" * 9), sliced(b"x" * 9)),
        (wants(SOUND), sliced(SOUND)),  # a file that the manifest does not name
    ],
)
def test_what_a_hostile_far_side_sends_is_not_written(told, blocks, tmp_path):
    path = tmp_path / "b.zip"
    with pytest.raises(SupportctlError):
        bundle_on(Remote(Over(Hostile(told, blocks)), "there"), "en", path, 5.0)
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bundle_or_refused(data):
    with pytest.raises(SupportctlError):
        remote_bundle._looked_at(Path("b.zip"), data)


def test_a_sound_one_is_written(tmp_path):
    file = asdict(described("a.txt", b"a"))
    data = packed("b", {"a.txt": b"a"}, {"schema": "supportctl.bundle/1", "files": [file]})
    made = bundle_on(Remote(Over(Hostile(wants(data), sliced(data))), "there"), "en", tmp_path / "b.zip", 5.0)
    assert [each["name"] for each in made.files] == ["a.txt"]
    assert made.path.read_bytes() == data


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())
