"""A ledger in trouble, trackers and chats that can fail: for the tests of escalation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.escalate import Offices, sweep
from resend.ledger.accept import accept
from resend.ledger.escalations import escalations
from resend.ledger.rows import count
from resend.ledger.schema import COUNTS, DELIVERIES, LANES
from resend.ledger.store import Store
from resend.routing import Escalating
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.delivery import Issue
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
HORIZON_S = 86400.0


class DeathError(BaseException):
    """The process died here."""


class PaperTracker:
    """Keeps issues in a list. `troubles` are met one after another, each by the next request."""

    def __init__(self) -> None:
        self.issues: list[dict[str, object]] = []
        self.troubles: list[str] = []
        self.asked: list[str] = []

    def _trouble(self, what: str, *, after: bool) -> None:
        if not self.troubles:
            return
        kind = self.troubles[0]
        if kind == "ok":
            if after:
                self.troubles.pop(0)
            return
        if kind.startswith("after-") != after:
            return
        self.troubles.pop(0)
        if kind.endswith("death"):
            raise DeathError(what)
        reads = what == "find"
        if kind == "before-down":
            raise ServiceError(Failure.RETRY, "connection", sent=False)
        raise ServiceError(Failure.RETRY if reads else Failure.AMBIGUOUS, "lost", "no answer")

    def find(self, fingerprint: str) -> Issue | None:
        self.asked.append("find")
        self._trouble("find", after=False)
        found = [each for each in self.issues if each["fingerprint"] == fingerprint]
        open_ones = [each for each in found if each["open"]]
        self._trouble("find", after=True)
        best = (open_ones or found)[-1:]
        return Issue(str(best[0]["number"]), "link", bool(best[0]["open"])) if best else None

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        self.asked.append("create")
        self._trouble("create", after=False)
        number = len(self.issues) + 1
        self.issues.append({
            "number": number, "fingerprint": fingerprint, "title": title, "text": text, "open": True,
            "comments": [],
        })  # fmt: skip
        self._trouble("create", after=True)
        return Issue(str(number), f"https://tracker/{number}", is_open=True)

    def comment(self, issue: Issue, text: str) -> None:
        self.asked.append("comment")
        self._trouble("comment", after=False)
        self.issues[int(issue.number) - 1]["comments"].append(text)  # type: ignore[attr-defined]
        self._trouble("comment", after=True)

    def close(self, issue: Issue, text: str) -> None:
        self.asked.append("close")
        self._trouble("close", after=False)
        self.issues[int(issue.number) - 1]["comments"].append(text)  # type: ignore[attr-defined]
        self.issues[int(issue.number) - 1]["open"] = False
        self._trouble("close", after=True)


class PaperChat:
    """Keeps messages in a list."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.troubles: list[Failure] = []

    def notify(self, title: str, text: str) -> None:
        if self.troubles:
            failure = self.troubles.pop(0)
            if failure is Failure.AMBIGUOUS:
                self.messages.append((title, text))
            raise ServiceError(failure, "chat")
        self.messages.append((title, text))


class PlainWriter:
    """Words that a test can read."""

    def issue(self, case):
        return f"{case.code} [fp:{case.fingerprint}]", f"{case.affected} calls at {len(case.destinations)}"

    def comment(self, case, kind):
        return f"{kind} {case.affected}/{case.peak}"

    def handed_on(self, case):
        return f"handed-on {case.who_acts}"

    def closing(self, case):
        return "closing"

    def digest(self, cases):
        return f"{len(cases)} problems", "\n".join(f"{each.news_kind} {each.code}" for each in cases)


class Trouble(NamedTuple):
    """How a delivery or a lane fails."""

    failure: str = "sign-in"
    code: str = "expired_token"
    text: str = "The access token provided has expired."
    who: str = "customer"
    step: str = ""


class EscalationBench:
    """One ledger with its clock, a tracker and a chat."""

    def __init__(self, folder: Path | None = None, url: str | None = None, **settings: float) -> None:
        self.clock = FakeClock(NOW)
        self.store = Store(url or f"sqlite:///{folder}/ledger.db", self.clock)
        self.tracker, self.chat = PaperTracker(), PaperChat()
        self.settings = Escalating(**settings)  # type: ignore[arg-type]
        self.offices = Offices({"dev": self.tracker}, {"": "dev"}, {"oncall": self.chat})
        self.systems = {}
        self._number = 0

    def accept(self, destination: str, calls: int = 1, system: str | None = "bitrix24") -> None:
        """Take calls for a destination."""
        if system is not None:
            self.systems[destination] = system
        made = []
        for _ in range(calls):
            self._number += 1
            made.append(
                Call(
                    f"pbx-{self._number}", "pbx", "in", self.clock.now() - timedelta(minutes=5), 61,
                    f"+7999{self._number:07d}", answered=True,
                )
            )  # fmt: skip
        accept(self.store, destination, made, HORIZON_S)

    def end(self, destination: str, how: Trouble, state: str = "escalated", calls: int | None = None) -> None:
        """Let deliveries that wait in a lane end so."""
        table = DELIVERIES.c
        with self.store.write() as connection:
            chosen = (
                sa.select(table.id)
                .where(table.destination == destination, table.state == "waiting")
                .limit(calls or 10**6)
            )
            ids = [row.id for row in connection.execute(chosen)]
            for start in range(0, len(ids), 500):
                connection.execute(
                    sa.update(DELIVERIES)
                    .where(table.id.in_(ids[start : start + 500]))
                    .values(
                        state=state, failure=how.failure, error_code=how.code, error_text=how.text,
                        who_acts=how.who, step=how.step, fingerprint="",
                    )
                )  # fmt: skip
            count(connection, {(destination, "waiting"): -len(ids), (destination, state): len(ids)})

    def deliver(self, destination: str) -> None:
        """Let everything of a destination arrive, whatever had become of it; its breaker closes."""
        with self.store.write() as connection:
            connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.destination == destination)
                .values(state="delivered", fingerprint="", failure="")
            )
            rows = connection.execute(sa.select(COUNTS).where(COUNTS.c.destination == destination)).all()
            total = sum(row[2] for row in rows)
            changes = {(destination, row.state): -row[2] for row in rows}
            count(connection, {**changes, (destination, "delivered"): total})
            connection.execute(sa.update(LANES).where(LANES.c.destination == destination).values(**_HEALTHY))

    def break_lane(self, destination: str, how: Trouble, failures: int = 4) -> None:
        """Open a lane's breaker."""
        with self.store.write() as connection:
            now = self.store.now(connection)
            connection.execute(
                sa.update(LANES)
                .where(LANES.c.destination == destination)
                .values(
                    breaker="open", failures=failures, broken_since=now, open_until=now + 900,
                    last_failure=how.failure, last_code=how.code, last_text=how.text,
                )
            )  # fmt: skip

    def sweep(self, **more: object):
        """Bring escalations up to date and tell of them."""
        return sweep(self.store, self.offices, PlainWriter(), self.systems.get, self.settings, **more)

    def cases(self):
        """Return the escalations."""
        return escalations(self.store)

    def deliveries(self):
        """Return state and fingerprint of each delivery."""
        with self.store.read() as connection:
            rows = connection.execute(sa.select(DELIVERIES.c.state, DELIVERIES.c.fingerprint))
            return [(row.state, row.fingerprint) for row in rows]

    def unreported(self) -> int:
        """Return how many escalated deliveries belong to no escalation."""
        table = DELIVERIES.c
        with self.store.read() as connection:
            return connection.execute(
                sa.select(sa.func.count()).where(table.state == "escalated", table.fingerprint == "")
            ).scalar_one()


_HEALTHY = {"breaker": "closed", "failures": 0, "broken_since": 0.0, "open_until": 0.0}
