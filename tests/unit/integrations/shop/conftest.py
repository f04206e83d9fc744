"""A shop in the lab, asked in this process by a clock that moves when it is told to."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import requests
from shop_moments import NOW, ZONE

from integrations.checking import Surroundings
from integrations.lab.inprocess import InProcess
from integrations.lab.moysklad import MoySkladPortal
from integrations.lab.moysklad.portal import TOKEN
from integrations.lab.poster import PosterPortal
from integrations.shop.moysklad.api import MoySkladApi, sign_in_header
from integrations.shop.moysklad.check import MoySkladCheck
from integrations.shop.poster.api import PosterApi
from integrations.shop.poster.check import PosterCheck
from probes.context import ProbeContext
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.shop_accounts import MoySkladStock, PosterStock
from supportctl.core.target import Target


class Asked(NamedTuple):
    """What a check found, by code."""

    findings: list

    def of(self, code):
        return [finding for finding in self.findings if finding.code == code]

    def one(self, code):
        (found,) = self.of(code)
        return found

    @property
    def problems(self):
        return [f.code for f in self.findings if f.status.value in {"fault", "warning", "unknown"}]


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def moysklad(clock):
    return MoySkladPortal(clock)


@pytest.fixture
def poster(clock):
    return PosterPortal(clock)


def session_with(portal, *hosts):
    session = requests.Session()
    for host in hosts:
        session.mount(host, InProcess(portal))
    return session


@pytest.fixture
def moysklad_api(moysklad, clock):
    """Return a function that opens a session with the portal."""

    def api(token=TOKEN, **more):
        session = session_with(moysklad, "https://api.moysklad.ru")
        return MoySkladApi(clock, sign_in_header(token), session=session, **more)

    return api


@pytest.fixture
def check(moysklad, moysklad_api, clock):
    """Return a function that runs the check of the MoySklad account and returns what it found."""

    def run(deadline_s=25.0, **settings):
        account = MoySkladStock(kind="moysklad", token=TOKEN, **settings)
        check = MoySkladCheck(account, surroundings(clock))
        check.use(moysklad_api())
        return asked(check, clock, deadline_s)

    return run


@pytest.fixture
def poster_api(poster, clock):
    def api(token=None):
        session = session_with(poster, "https://joinposter.com")
        return PosterApi(clock, token or poster.token, session=session)

    return api


@pytest.fixture
def poster_check(poster, poster_api, clock):
    """Return a function that runs the check of the Poster account and returns what it found."""

    def run(deadline_s=25.0, **settings):
        check = PosterCheck(PosterStock(kind="poster", token=poster.token, **settings), surroundings(clock))
        check.use(poster_api())
        return asked(check, clock, deadline_s)

    return run


@pytest.fixture
def around(clock):
    return surroundings(clock)


@pytest.fixture
def findings_of(clock):
    """Return a function that runs any connection check."""
    return lambda check, deadline_s=25.0: asked(check, clock, deadline_s)


def surroundings(clock):
    return Surroundings("stock", clock, lambda secret: secret, ZONE, "RU")


def asked(check, clock, deadline_s):
    target = Target("shop", "https", "shop.example", name="stock")
    context = ProbeContext(target, Deadline.after(deadline_s, clock), clock, opener=None)
    found = Asked(list(check.run(context)))
    assert {finding.code for finding in found.findings} <= check.codes
    return found
