"""The agent of a machine: what it was not set up for it does not do, whatever comes over the line."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from agents import SUPPORTCTL, installed, pushed

from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote.agent import FixedGate
from supportctl.remote.bounds import check_bounds
from supportctl.remote.capability import Capability, Wanted
from supportctl.remote.frames import frame
from supportctl.remote.methods import METHODS
from supportctl.remote.work import target_of

RUN = {"files": {"a": "x"}, "signatures": {"a": "x"}, "name": "a", "ticket": "T"}


def refused(client, method, params=None):
    with pytest.raises(SupportctlError) as error:
        client.call(method, params, deadline_s=10.0)
    return error.value.key


def test_an_agent_that_may_only_look():
    with installed("--allow", "observe") as agent:
        hello = agent.greet()
        assert hello.capabilities == ("observe",)
        assert agent.client.call("about")["methods"]
        assert refused(agent.client, "check", {"targets": ["host:///"]}) == "remote.denied"
        assert refused(agent.client, "identify", {"target": "tcp://127.0.0.1:9"}) == "remote.denied"
        assert agent.end() == 0


def test_the_gate_of_an_agent_gives_no_fix_and_no_bridge_whatever_it_is_given():
    gate = FixedGate(list(Capability))
    call = SimpleNamespace()
    assert gate.allows(Wanted(Capability.PROBE), call)
    assert not gate.allows(Wanted(Capability.FIX, "t", "d"), call)
    assert not gate.allows(Wanted(Capability.BRIDGE, "t"), call)


@pytest.mark.parametrize("allow", ["fix", "observe,probe,fix", "bridge", "", "all"])
def test_fix_is_no_option(allow):
    ended = subprocess.run(
        [SUPPORTCTL, "agent", "--stdio", "--allow", allow],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert b"SUPPORTCTL-SESSION" not in ended.stdout


def test_a_pushed_agent_has_no_method_that_changes_anything():
    with pushed() as agent:
        assert agent.greet().capabilities == ("observe", "probe")
        for method in METHODS:
            if METHODS[method].capability > Capability.PROBE:
                params = RUN if method == "playbook.run" else {"target": "tcp://127.0.0.1:1"}
                assert refused(agent.client, method, params) in {"remote.unknown-method", "remote.denied"}
        assert agent.end() == 0


@pytest.mark.parametrize(
    ("url", "key"),
    [("serial:///etc/shadow", "remote.target-port"), ("serial:///dev/../etc/shadow", "remote.target-port"),
     ("shtrih+serial:///proc/self/mem", "remote.target-port"), ("tcp://8.8.8.8:53", "remote.target-host"),
     ("tcp://[2a00:1450::1]:80", "remote.target-host"), ("tcp://[::ffff:8.8.8.8]:53", "remote.target-host"),
     ("tcp://0.0.0.0:22", "remote.target-host"), ("tcp://no-such.invalid:80", "remote.target-host"),
     ("snmp://127.0.0.1?community=secret://env/HOME", "remote.target-secret"),
     ("escpos+tcp://127.0.0.1:9?x=secret://file//etc/shadow", "remote.target-secret")],
)  # fmt: skip
def test_targets_that_lead_elsewhere(url, key):
    with pytest.raises(SupportctlError) as error:
        target_of(url)
    assert error.value.key == key


def test_a_name_of_which_one_address_lies_elsewhere():
    from supportctl.core.target import parse_target

    target = parse_target("tcp://till.example:80")
    for addresses, fine in ((["192.168.1.5"], True), (["192.168.1.5", "8.8.8.8"], False), ([], False)):
        look_up = {"till.example": addresses}.__getitem__
        if fine:
            check_bounds(target, ports=list, addresses=look_up)
        else:
            with pytest.raises(SupportctlError):
                check_bounds(target, ports=list, addresses=look_up)
    check_bounds(target, ports=list, addresses=lambda _host: [], named=["till.example"])


@pytest.mark.parametrize(
    "url", ["host:///", "usb://04b8:0e15", "tcp://127.0.0.1:1", "tcp://192.168.7.7:9100"]
)
def test_targets_of_the_shop(url):
    assert target_of(url).url


@pytest.mark.parametrize("url", ["not a url", "tcp://", "x" * 3000, "ftp://127.0.0.1"])
def test_targets_that_are_none(url):
    with pytest.raises(UsageError):
        target_of(url)


@pytest.mark.parametrize(
    "data",
    [struct.pack(">I", 0xFFFFFFFF), b"GET / HTTP/1.1\r\n\r\n", frame({"method": "about"}),
     frame({"id": "x" * 81, "method": "about"}), struct.pack(">I", 3) + b"{} "[:2] + b"["],
    ids=["4 GiB", "http", "no id", "long id", "broken"],
)  # fmt: skip
def test_a_line_that_breaks_the_protocol_is_left(data):
    with pushed() as agent:
        agent.greet()
        agent.link.send(data)
        assert agent.process.wait(10) == 76


@pytest.mark.parametrize(
    "name", ["__class__", "exec", "../check", "check\x00", "\x1b[2J", "ping.x", "x" * 5000]
)
def test_hostile_method_names(name):
    with pushed() as agent:
        agent.greet()
        agent.link.send(frame({"id": "t-0", "method": name, "params": {}}))
        assert agent.client.call("about")["tool_version"]
        assert agent.end() == 0


def test_what_a_handler_prints_does_not_reach_the_line(tmp_path):
    """A print, a child that writes, and C code that writes to descriptor 1 all end on standard error."""
    code = """
import os, subprocess, sys
from supportctl.remote.agent import FixedGate, greeting, serve_stdio
from supportctl.remote.capability import Capability
def about(params, call):
    print("noise")
    os.write(1, b"noise")
    subprocess.run(["echo", "noise"])
    return {"stdin": sys.stdin.read(), "child": subprocess.run(["cat"], capture_output=True).stdout.decode()}
serve_stdio({"about": about}, FixedGate([Capability.OBSERVE]), greeting([Capability.OBSERVE]))
"""
    from agents import Agent

    with Agent([os.path.realpath(os.sys.executable), "-c", code], cwd=Path.cwd()) as agent:
        agent.greet()
        assert agent.client.call("about") == {"stdin": "", "child": ""}
        assert agent.end() == 0


def test_its_life_is_bounded():
    with installed("--lifetime", "1") as agent:
        agent.greet()
        assert agent.process.wait(10) == 75
