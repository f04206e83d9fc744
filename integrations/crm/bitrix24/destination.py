"""Brings calls to a Bitrix24 portal: as many as fit in one batch, and asks what it has before any repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.bitrix24.client import BATCH_MAX, Client, Command
from integrations.crm.bitrix24.pages import STATISTICS
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.bitrix24.saga import FALLBACK, FINISHED, RECORDED, commands, failed, outcome, plan
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Bitrix24
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

_USERS_FOR_S = 600.0  # so long a list of users is believed


class Bitrix24Destination:
    """`DESTINATIONS["bitrix24"]`. Not for several threads at once: a lane has one holder."""

    batch_size = BATCH_MAX

    def __init__(
        self, account: Bitrix24, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._reader = Bitrix24Reader(account, surroundings, session, created=False)
        self._clock = surroundings.clock
        self._users: dict[str, str] = {}  # extension or id -> id of a user who works there
        self._users_at: float | None = None

    @property
    def client(self) -> Client:
        """The session with the portal."""
        return self._reader.client

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many of the parcels' commands fit in one batch."""
        used = 0
        for number, parcel in enumerate(parcels):
            used += plan(parcel, number).size
            if used > BATCH_MAX:
                return max(number, 1)
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel, after one batch."""
        outcomes: list[Outcome] = []
        sent: list[tuple[Parcel, Any]] = []
        batch: dict[str, Command] = {}
        try:
            for number, parcel in enumerate(parcels):
                wanted = plan(parcel, number)
                user = self._user(parcel, deadline) if wanted.register or wanted.finish else "-"
                if user is None:
                    outcomes.append(_held(parcel))
                elif wanted.size == 0:
                    outcomes.append(Outcome(parcel.delivery_id, parcel.step, parcel.facts, done=True))
                else:
                    create = self._account.unknown_phone == "create"
                    batch |= commands(parcel, wanted, user, create_contact=create)
                    sent.append((parcel, wanted))
            if not sent:
                return outcomes
            answers = self.client.batch(batch, deadline, reads=False)
        except ServiceError as error:
            done = {each.delivery_id for each in outcomes}
            left = [parcel for parcel in parcels if parcel.delivery_id not in done]
            return outcomes + [failed(parcel, error, parcel.step, parcel.facts) for parcel in left]
        return outcomes + [outcome(parcel, wanted, answers) for parcel, wanted in sent]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what the portal has: by our id; of what we never sent, by phone and time, too."""
        try:
            found = self._by_id(parcels, deadline)
            unsent = [each for each in parcels if found[each.delivery_id] is None and each.attempts <= 1]
            others = self._reader.find([each.call for each in unsent], deadline) if unsent else {}
        except ServiceError as error:
            return {each.delivery_id: failed(each, error, each.step, each.facts) for each in parcels}
        for parcel in unsent:
            records = others.get(parcel.call.call_id)
            if records:  # it came in by another way; nothing of it is ours to complete
                first = records[0]
                found[parcel.delivery_id] = Found(
                    RECORDED, {"id": first.record_id}, whole=True, remote_id=first.record_id
                )
        return found

    def _by_id(self, parcels: Sequence[Parcel], deadline: Deadline) -> dict[int, Found | Outcome | None]:
        asked = {
            f"q{each.delivery_id}": Command(
                STATISTICS,
                {"FILTER": {"EXTERNAL_CALL_ID": each.call.call_id}, "SORT": "ID", "ORDER": "ASC"},
            )
            for each in parcels
        }
        answers = self.client.batch(asked, deadline)
        found: dict[int, Found | Outcome | None] = {}
        for parcel in parcels:
            answer = answers.answers.get(f"q{parcel.delivery_id}")
            if answer is None or not isinstance(answer.result, list):
                lost = ServiceError(Failure.RETRY, "no-answer", "the batch has no answer for this command")
                error = answers.errors.get(f"q{parcel.delivery_id}", lost)
                found[parcel.delivery_id] = failed(parcel, error, parcel.step, parcel.facts)
            else:
                found[parcel.delivery_id] = _found(parcel, answer.result)
        return found

    def _user(self, parcel: Parcel, deadline: Deadline) -> str | None:
        """Return the user who gets the call; None if its employee is none there, and no fallback is."""
        fallback = self._account.fallback_employee
        if parcel.call.employee and FALLBACK not in parcel.facts:
            user = self._users_now(deadline).get(parcel.call.employee)
            if user is not None:
                return user
        if fallback is not None:
            return self._users_now(deadline).get(str(fallback), str(fallback))
        return None if parcel.call.employee else self.client.webhook_user or None

    def _users_now(self, deadline: Deadline) -> dict[str, str]:
        now = self._clock.monotonic()
        if self._users_at is None or now - self._users_at > _USERS_FOR_S:
            active = [each for each in self._reader.employees(deadline) if each.active]
            self._users = {each.id: each.id for each in active}
            self._users |= {each.extension: each.id for each in active if each.extension}
            self._users_at = now
        return self._users


def _found(parcel: Parcel, rows: list[Any]) -> Found | None:
    """Return what the statistics have under this very id; a filter not understood gives others, too."""
    own = [
        row
        for row in rows
        if isinstance(row, dict) and str(row.get("EXTERNAL_CALL_ID")) == parcel.call.call_id
    ]
    if not own:
        return None
    row = own[0]
    recording = parcel.call.recording_url or ""
    has_recording = bool(row.get("CALL_RECORD_URL")) or row.get("RECORD_FILE_ID") is not None
    facts = {**parcel.facts, "call_id": str(row.get("CALL_ID") or ""), "id": str(row.get("ID") or "")}
    if has_recording and parcel.revision == 0:
        facts["recording"] = recording
    whole = not recording or facts.get("recording") == recording
    return Found(RECORDED if has_recording else FINISHED, facts, whole, facts["id"])


def _held(parcel: Parcel) -> Outcome:
    return Outcome(
        parcel.delivery_id,
        parcel.step,
        parcel.facts,
        failure=Failure.CONFIGURATION,
        code="employee-unknown",
        text=parcel.call.employee,
        sent=False,
        alone=True,
    )
