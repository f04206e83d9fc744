"""The portal's name stops resolving in the middle of a run, and resolves again hours later."""

from __future__ import annotations

import random
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from integrations.checking import Surroundings
from integrations.crm.bitrix24.destination import Bitrix24Destination
from integrations.lab.bitrix24.portal import Bitrix24Portal
from integrations.lab.serve import PortalServer
from resend.lane import Lane
from resend.ledger.accept import accept
from resend.ledger.lanes import lane as lane_now
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
def server():
    with PortalServer(Bitrix24Portal(FakeClock(NOW), "acme", rate=0)) as server:
        yield server


def test_a_name_that_is_lost_costs_a_request_an_interval_and_no_call(server, tmp_path, monkeypatch):
    clock = FakeClock(NOW)
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    url = server.portal.account(server.url.replace("127.0.0.1", "localhost"))["url"]
    account = Bitrix24(kind="bitrix24", url=url, fallback_employee=1)
    crm = Bitrix24Destination(account, Surroundings("acme", clock, lambda secret: secret))
    lane = Lane(store, "acme", crm, schedule=Schedule(), chance=random.Random(1).random, holder="me")
    calls = [
        Call(f"c{number}", "pbx", "in", NOW - timedelta(hours=number), 5, "+79990001122", answered=True)
        for number in range(100)
    ]
    accept(store, "acme", calls[:40], 86400)
    assert lane.drain().delivered == 40
    accept(store, "acme", calls, 86400)
    real = socket.getaddrinfo

    def lost(host, *more, **named):
        if host == "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **named)

    crm.client.close()  # a connection that is open needs no name
    monkeypatch.setattr(socket, "getaddrinfo", lost)
    end, requests = clock.monotonic() + 6 * 3600, 0
    while clock.monotonic() < end:
        drained = lane.drain()
        requests += drained.requests
        clock.advance(max(drained.next_at - clock.now().timestamp(), 0.001))
    state = lane_now(store, "acme")
    assert (state.breaker, state.broken_why.partition(":")[0]) == ("open", "dns")
    assert 24 <= requests <= 6 * 8 + 6
    monkeypatch.setattr(socket, "getaddrinfo", real)
    while drained.next_at is not None:
        clock.advance(max(drained.next_at - clock.now().timestamp(), 0.001))
        drained = lane.drain()
    there = Counter(row.call.external_id for row in server.portal.store.statistics.rows.values())
    assert there == Counter(call.call_id for call in calls)
    crm.client.close()
    store.close()
