"""Keys of machines: nothing is sent to one that nobody has confirmed, or that changed."""

from __future__ import annotations

import json
import stat

import pytest
from hostile_ssh import HostileSsh, new_key

from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.hosts import HostKey, HostStore, in_words
from supportctl.remote.links.transport import Budgets, Connector

YES, NO = (lambda _host, _key: True), (lambda _host, _key: False)


@pytest.fixture
def store(tmp_path):
    return HostStore(tmp_path / "state" / "hosts.json")


@pytest.fixture
def server(tmp_path):
    key, _ = new_key(tmp_path, "host")
    server = HostileSsh(key)
    yield server
    server.close()


def connect(server, store, tmp_path, ask):
    key, _ = new_key(tmp_path, "client")
    connector = Connector(store, SystemClock(), ask, Budgets(2.0, 2.0, 2.0, 2.0, 2.0))
    return connector.connect("127.0.0.1", server.port, "till", [key])


@pytest.mark.parametrize("ask", [None, NO], ids=["nobody sits there", "no"])
def test_an_unknown_key_is_refused_before_anybody_signs_in(server, store, tmp_path, ask):
    with pytest.raises(SupportctlError) as refused:
        connect(server, store, tmp_path, ask)
    assert refused.value.key == "remote.key-unknown"
    assert not server.signed_in.is_set()
    assert store.known("127.0.0.1", server.port) == ()


def test_a_person_is_shown_fingerprint_and_words_and_asked_once(server, store, tmp_path):
    asked = []
    connect(server, store, tmp_path, lambda host, key: asked.append((host, key)) or True).close()
    connect(server, store, tmp_path, NO).close()
    ((host, key),) = asked
    assert host == f"[127.0.0.1]:{server.port}"
    assert key.fingerprint == server.host_key.fingerprint
    assert len(in_words(key.sha256).split("-")) == 8


def test_a_changed_key_is_refused_whatever_anybody_says(server, store, tmp_path):
    other, _ = new_key(tmp_path, "other")
    kept = HostKey.of(other.get_name(), other.asbytes())
    store.keep("127.0.0.1", server.port, kept, FakeClock().now())
    with pytest.raises(SupportctlError) as refused:
        connect(server, store, tmp_path, YES)
    assert refused.value.key == "remote.key-changed"
    assert refused.value.args_by_name["kept"] == kept.fingerprint
    assert refused.value.args_by_name["found"] == server.host_key.fingerprint
    assert not server.signed_in.is_set()
    assert store.known("127.0.0.1", server.port) == (kept,)


def test_the_same_key_on_another_port_is_another_machine(store):
    key = HostKey.of("ssh-ed25519", b"x")
    store.keep("host", 22, key, FakeClock().now())
    assert store.known("HOST", 22) == (key,)
    assert store.known("host", 2222) == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": "other", "hosts": {}}', '{"schema": "supportctl.hosts/1", "hosts": []}',
     '{"schema": "supportctl.hosts/1", "hosts": {"[h]:22": [{"kind": "x", "sha256": "SHA256:AAAA"}]}}',
     '{"schema": "supportctl.hosts/1", "hosts": {"[h]:22": [{"kind": "x"}]}}'],
)  # fmt: skip
def test_a_broken_store_trusts_nobody_and_is_not_overwritten(store, tmp_path, text):
    file = tmp_path / "state" / "hosts.json"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(SupportctlError) as refused:
        store.check("h", 22, HostKey.of("x", b"x"), YES, FakeClock().now())
    assert refused.value.key == "remote.hosts-broken"
    assert file.read_text() == text


def test_only_the_owner_reads_the_store(store, tmp_path):
    store.keep("h", 22, HostKey.of("ssh-ed25519", b"x"), FakeClock().now())
    file = tmp_path / "state" / "hosts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["hosts"]["[h]:22"][0]["kind"] == "ssh-ed25519"
    assert store.forget("h", 22)
    assert not store.forget("h", 22)


def test_hostile_names_stay_one_name(store):
    store.keep("a]:22\n[b", 22, HostKey.of("x\x1b[2J", b"x"), FakeClock().now())
    assert store.known("b", 22) == ()
    assert "\x1b" not in store.known("a]:22\n[b", 22)[0].kind


def test_words_are_proquints():
    # the example of the paper: 127.0.0.1 is lusab-babad
    assert in_words(bytes([127, 0, 0, 1]), 2) == "lusab-babad"
    assert in_words(bytes([63, 84, 220, 193]), 2) == "gutih-tugad"
