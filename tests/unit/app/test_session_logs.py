"""A sharing and a supporter's command write their logs, and bear witness of each other."""

from __future__ import annotations

import json
import os
import threading

from supportctl.app.session_logs import customer_log, logs_folder, supporter_log
from supportctl.app.share import Served, with_log
from supportctl.core.clock import SystemClock
from supportctl.remote.audit_check import check
from supportctl.remote.audited import AuditedGate
from supportctl.remote.client import Client
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.link import FileLink
from supportctl.remote.server import Server

CLOCK = SystemClock()


class Gate:
    def allows(self, wanted, call):
        return True

    def told(self, method, params, outcome):
        pass


def test_both_logs_and_their_witness(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log, theirs = customer_log("T-17", CLOCK)
    served = with_log(Served({"about": lambda _params, _call: {}}, lambda _wanted, _params: None), log)
    to, back = os.pipe(), os.pipe()
    link = FileLink(os.fdopen(to[0], "rb"), os.fdopen(back[1], "wb"))
    server = Server(link, served.handlers, AuditedGate(Gate(), log), CLOCK)
    thread = threading.Thread(target=server.serve, args=(Hello(PROTOCOL, "1", "", "T-17", ()),), daemon=True)
    thread.start()
    client = Client(CLOCK, "t")
    hello = client.attach(FileLink(os.fdopen(back[0], "rb"), os.fdopen(to[1], "wb")))
    with supporter_log(client, hello.session, "code:…", CLOCK) as audited:
        audited.call("about")
    thread.join(5)
    assert not thread.is_alive()
    head = log.close()
    (ours,) = set(logs_folder().glob("*-supporter.jsonl"))
    assert theirs.parent == ours.parent == logs_folder()
    assert check(theirs, peer=ours, head=head).status == "ok"
    verdict = check(ours, peer=theirs)
    assert (verdict.status, verdict.log.header["ticket"], verdict.witnessed) == ("ok", "T-17", 3)
    methods = [json.loads(line).get("method") for line in theirs.read_bytes().splitlines()]
    assert methods == [None, "about", "about", None, None]
