"""Portals of the lab that may do their work late, and the wire of a worker to them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import requests
from requests.cookies import RequestsCookieJar
from urllib3 import HTTPResponse

from integrations.lab.bitrix24.portal import Bitrix24Portal
from integrations.lab.portal import Asked, Said
from integrations.lab.webhook import WebhookPortal

if TYPE_CHECKING:
    import random

    from pretended_workers import Worker

    from supportctl.core.clock import FakeClock

WORKS_ON = "works-on"  # the work is done after the client has lost patience: not a fault of the lab's own
_OWN = {WORKS_ON: "the client gives up, and the work is done some time later"}
_PATIENCE_S, _CUT_S = 30, 60  # of our client; a portal cuts its own work off after a minute


class Late:
    """What a portal was asked while it was slow is done before anything else that it is asked."""

    slow_s = 3.0

    def __init__(self, clock: FakeClock, name: str, chance: random.Random) -> None:
        super().__init__(clock, name)
        self.chance = chance
        self.waiting: list[tuple[float, object]] = []

    def respond(self, asked):
        self.catch_up()
        return super().respond(asked)

    def catch_up(self) -> None:
        """Do what is due by now."""
        now = self.clock.monotonic()
        due = [asked for at, asked in self.waiting if at <= now]
        if due:
            self.waiting = [each for each in self.waiting if each[0] > now]
            for asked in due:
                super().answer(asked, self.operation(asked))

    def answer(self, asked, operation):
        if self.writes(asked, operation) and self._hits(WORKS_ON, operation):
            late = self.clock.monotonic() + _PATIENCE_S + self.chance.random() * (_CUT_S - _PATIENCE_S)
            self.waiting.append((late, asked))
            return Said(0, cut="endless")
        return super().answer(asked, operation)


class LateBitrix24(Late, Bitrix24Portal):
    """A Bitrix24 portal."""

    own_faults: ClassVar = {**Bitrix24Portal.own_faults, **_OWN}

    @staticmethod
    def writes(asked, operation) -> bool:
        """Return whether a request brings calls."""
        return operation == "batch" and b"register" in asked.body


class LateReceiver(Late, WebhookPortal):
    """A receiver of webhooks."""

    own_faults: ClassVar = {**WebhookPortal.own_faults, **_OWN}

    @staticmethod
    def writes(asked, operation) -> bool:
        """Return whether a request brings a call: each does."""
        return True


class Answer(NamedTuple):
    """What `requests` would return, as far as anybody looks at it."""

    status_code: int
    headers: dict[str, str]
    raw: HTTPResponse

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.raw.close()


class Wire:
    """A worker's session with a portal; at both ends of a request it may die, after it stand still.

    It is `requests.Session` as `integrations.http` uses it, and ten times as fast.
    """

    def __init__(self, portal: Late, worker: Worker) -> None:
        self.portal = portal
        self.worker = worker
        self.headers: dict[str, str] = {}
        self.cookies = RequestsCookieJar()
        self.adapters: dict[str, object] = {}
        self.trust_env = self.verify = False

    def request(self, method, url, *, params, data, headers, timeout, **more) -> Answer:
        self.worker.at("before-post", may_stall=False)
        path = url.partition("://")[2].partition("/")[2]
        lower = {name.lower(): value for name, value in headers.items()}
        said = self.portal.respond(Asked(method, f"/{path}", (), lower, data or b""))
        patience = timeout[1]
        if said.cut == "endless" or said.delay_s > patience:
            self.worker.world.clock.sleep(patience)
            raise requests.exceptions.ReadTimeout("pretended")
        self.worker.world.clock.sleep(said.delay_s)
        if said.cut:
            raise requests.exceptions.ConnectionError(ConnectionResetError("pretended"))
        self.worker.at("after-post")
        raw = HTTPResponse(BytesIO(said.body), status=said.status, preload_content=False)
        return Answer(said.status, {"Content-Type": said.kind, **dict(said.headers)}, raw)
