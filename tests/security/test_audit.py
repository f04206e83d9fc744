"""An audit log in the hands of somebody who hides something: `supportctl audit verify` as it is called."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from supportctl.core.clock import SystemClock
from supportctl.remote.audit import HEAD, Who, create


def verify(*words):
    command = [sys.executable, "-m", "supportctl", "audit", "verify", *map(str, words), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def logs(tmp_path):
    """Return the customer's log and the supporter's, after a session with three changes."""
    who = Who("s1", "T-1", "customer", "shop-12", "anna")
    theirs = create(tmp_path / "customer.jsonl", who, SystemClock())
    ours = create(tmp_path / "supporter.jsonl", who._replace(side="supporter"), SystemClock())
    for number in range(3):
        for log in (ours, theirs):
            log.write("intent", durable=True, method="playbook.run", params={"name": f"fix-{number}"})
            log.write("result", durable=True, method="playbook.run", outcome="done")
    ours.peer_head(theirs.head)
    theirs.peer_head(ours.head)
    ours.close()
    theirs.close()
    return tmp_path / "customer.jsonl", tmp_path / "supporter.jsonl"


def test_untouched(logs):
    theirs, ours = logs
    code, told = verify(theirs, "--peer", ours)
    assert (code, told["verdict"], told["problems"], told["witnessed"]) == (0, "ok", [], 7)


@pytest.mark.parametrize("kept", range(1, 7))
def test_a_cut_end_is_found_wherever_it_is_cut(logs, kept):
    theirs, ours = logs
    theirs.write_bytes(b"".join(theirs.read_bytes().splitlines(keepends=True)[:kept]))
    code, told = verify(theirs, "--peer", ours)
    assert code == 3
    assert told["problems"][0]["code"] == "audit.cut"


def test_a_file_that_is_no_log_and_one_that_is_not_there(tmp_path):
    for name, content in (("a", b"\x00" * 100), ("b", b"{}\n"), ("c", b"[" * 100_000)):
        (tmp_path / name).write_bytes(content)
        code, told = verify(tmp_path / name)
        assert (code, told["error"]["code"]) == (2, "audit.no-log")
    assert verify(tmp_path / "none")[1]["error"]["code"] == "audit.unreadable"
    assert verify(tmp_path / "a", "--head", "x:y")[1]["error"]["code"] == "audit.bad-head"


def test_names_in_a_hostile_log_do_not_act(tmp_path):
    who = Who("s1", "T\x1b[2J\u202e", "customer", "shop", "anna")
    log = create(tmp_path / "a.jsonl", who, SystemClock())
    log.write(HEAD, peer="\x1b]0;x\x07", entries=1, peer_hash="\n")
    log.close()
    command = [sys.executable, "-m", "supportctl", "audit", "verify", str(tmp_path / "a.jsonl")]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
