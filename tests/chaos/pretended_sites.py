"""A customer's site in a history: portal, account, what may happen to it, what it has in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretended_portals import LateBitrix24, LateReceiver

from integrations.crm.bitrix24.destination import Bitrix24Destination
from integrations.crm.reader import Employee
from integrations.crm.webhook.destination import WebhookDestination
from integrations.lab.webhook import PATH, SECRET
from supportctl.core.accounts import Bitrix24, Webhook

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from supportctl.core.call import Call
    from supportctl.core.clock import FakeClock

STAFF = ("101", "102", "103", "104")


class Bitrix24Site:
    """A Bitrix24 portal with four employees."""

    kind = "bitrix24"
    # Faults of a moment hit some requests; those of hours are on for a while, as an outage is.
    moments = (
        "lost-answer", "reset", "torn", "slow", "query-limit", "broken-batch", "internal-error",
        "ok-with-error", "unavailable", "not-json", "server-error", "statistics-late", "never-ending",
        "expired-token", "gateway", "operation-limit", "array-filter-ignored", "works-on",
    )  # fmt: skip
    outages = (
        "reset", "unavailable", "server-error", "never-ending", "lost-answer", "not-json", "gateway", "torn",
        "overload-blocked", "invalid-credentials", "missing-scope", "wrong-auth-type", "no-statistics-right",
        "payment-required", "expired-token", "portal-deleted", "works-on", "slow", "broken-batch",
    )  # fmt: skip
    operations = ("*", "batch")

    def __init__(self, name: str, clock: FakeClock, chance: random.Random) -> None:
        self.name = name
        self.portal = LateBitrix24(clock, name, chance)
        for number, extension in enumerate(STAFF, 11):
            self.portal.plant_employee(Employee(str(number), f"Employee {number}", extension))
        for number in range(5):
            self.portal.plant_contact(f"+7999000000{number}", f"Contact {number}")
        self.account = Bitrix24(
            kind="bitrix24", url=f"https://{name}.example/rest/1/labwebhookcode01/", fallback_employee=1,
            unknown_phone="create" if chance.random() < 0.5 else None,
        )  # fmt: skip
        self.planted: set[str] = set()

    def destination(self, around, session) -> Bitrix24Destination:
        """Return what a worker brings calls with."""
        return Bitrix24Destination(self.account, around, session)

    def employ(self, number: int, *, active: bool) -> None:
        """Dismiss somebody, or take somebody on again."""
        user = self.portal.store.users.rows[number]
        self.portal.plant_employee(Employee(str(number), user.name, user.inner, active=active))

    def plant(self, call: Call, *, external_id: bool) -> None:
        """Have a call that another integration has brought."""
        self.planted.add(call.call_id)
        self.portal.plant_call(call, employee="11", external_id=external_id)

    def come_to_rest(self) -> None:
        """End what is still under way."""
        self.portal.catch_up()
        self.portal.store.settle(self.portal.clock.monotonic())

    def may_refuse(self, call: Call) -> bool:
        """Return whether a call is refused for its data: a hidden caller is."""
        return not call.contact_phone

    def copies(self, call: Call, revision: int) -> list[object]:
        """Return what is there of a call."""
        rows = self.portal.store.statistics.rows.values()
        unnamed = ("", call.contact_phone, call.started_at)  # as another integration may bring it
        return [
            row
            for row in rows
            if row.call.external_id == call.call_id
            or (row.call.external_id, row.call.phone, row.call.start) == unnamed
        ]

    def is_whole(self, row, call: Call) -> bool:
        """Return whether it has its recording."""
        if not call.recording_url:
            return True
        if row.record_file_id is None:
            return bool(row.record_url)
        file = self.portal.store.files[row.record_file_id]
        return file.note == call.recording_url or call.call_id in self.planted

    def wrong(self, known: set[str]) -> Iterator[str]:
        """Tell of what should not be there."""
        there = {row.call.external_id for row in self.portal.store.statistics.rows.values()} - {""}
        if there - known:
            yield f"nobody knows {sorted(there - known)}"
        effects = self.portal.store.effects
        if effects.pop_ups or effects.chat_messages:
            yield f"{len(effects.pop_ups)} pop-ups and {len(effects.chat_messages)} chat messages"
        if self.portal.bucket is not None and self.portal.bucket.refused:
            yield f"{self.portal.bucket.refused} requests over the limit"


class WebhookSite:
    """A receiver of webhooks, which knows a repeated message by its id."""

    kind = "webhook"
    moments = (
        "lost-answer", "reset", "torn", "slow", "unavailable", "server-error", "never-ending", "throttled",
        "throttled-bare", "bad-gateway", "gateway-timeout", "moved", "works-on",
    )  # fmt: skip
    outages = (
        "reset", "unavailable", "server-error", "never-ending", "lost-answer", "torn", "gone", "throttled",
        "bad-gateway", "gateway-timeout", "moved", "wrong-key", "works-on", "slow",
    )  # fmt: skip
    operations = ("*",)

    def __init__(self, name: str, clock: FakeClock, chance: random.Random) -> None:
        self.name = name
        self.portal = LateReceiver(clock, name, chance)
        self.account = Webhook(kind="webhook", url=f"https://{name}.example{PATH}", secret=SECRET)

    def destination(self, around, session) -> WebhookDestination:
        """Return what a worker brings calls with."""
        return WebhookDestination(self.account, around, session)

    def employ(self, number: int, *, active: bool) -> None:
        """Do nothing: a receiver knows no employees."""

    def plant(self, call: Call, *, external_id: bool) -> None:
        """Do nothing: nobody else brings calls there."""

    def come_to_rest(self) -> None:
        """End what is still under way."""
        self.portal.catch_up()

    def may_refuse(self, call: Call) -> bool:
        """Return whether a call is refused for its data: none is."""
        return False

    def copies(self, call: Call, revision: int) -> list[object]:
        """Return what is there of a call in its last form: each form is a message of its own."""
        wanted = (call.call_id, revision)
        return [each for each in self.portal.calls() if (each["call_id"], each["revision"]) == wanted]

    def is_whole(self, row, call: Call) -> bool:
        """Return whether it has its recording."""
        return row["recording_url"] == call.recording_url

    def wrong(self, known: set[str]) -> Iterator[str]:
        """Tell of what should not be there."""
        strangers = {each["call_id"] for each in self.portal.calls()} - known
        if strangers:
            yield f"nobody knows {sorted(strangers)}"
        if self.portal.refused or self.portal.unsigned:
            yield f"{self.portal.refused} requests over the limit, {self.portal.unsigned} badly signed"


SITES = {site.kind: site for site in (Bitrix24Site, WebhookSite)}
