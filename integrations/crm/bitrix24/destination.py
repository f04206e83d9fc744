"""Brings calls to a Bitrix24 portal: as many as fit in one batch, and asks what it has before any repeat.

Before the first try it is asked, too, by phone and time: the vendor's own integration may have brought the
call meanwhile. That costs one command of fifty in a batch for each call, and shares the batches of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.bitrix24.client import BATCH_MAX, Client, Command
from integrations.crm.bitrix24.known import asked_now, look_for, look_for_id, same_call
from integrations.crm.bitrix24.reader import Bitrix24Reader
from integrations.crm.bitrix24.saga import (
    ASKED,
    FALLBACK,
    FINISHED,
    GONE,
    RECORDED,
    REGISTERED,
    Plan,
    commands,
    failed,
    outcome,
    plan,
)
from integrations.crm.delivering import aside, held
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from integrations.checking import Surroundings
    from integrations.crm.bitrix24.client import Batch
    from supportctl.core.accounts import Bitrix24
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

_TAKEN_MAX = 10_000
_USERS_FOR_S = 600.0  # so long a list of users is believed
_NO_ANSWER = "the batch has no answer for this command"


class Bitrix24Destination:
    """`DESTINATIONS["bitrix24"]`. Not for several threads at once: a lane has one holder."""

    batch_size = BATCH_MAX

    def __init__(
        self, account: Bitrix24, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._region = surroundings.region
        # Once: what fails is tried again by the lane's schedule, and a dead portal is left in peace.
        self._reader = Bitrix24Reader(account, surroundings, session, created=False, attempts=1)
        self._clock = surroundings.clock
        self._users: dict[str, str] = {}  # extension or id -> id of a user who works there
        self._users_at: float | None = None
        self._taken: dict[str, str] = {}  # records that came by another way -> the call that each of them is

    @property
    def client(self) -> Client:
        """The session with the portal."""
        return self._reader.client

    def taken_over(self) -> None:
        """Know that another process may have sent a moment ago: the portal counts all of us together."""
        self.client.pacer.fill()

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many of the parcels' commands fit in one batch."""
        used = 0
        for number, parcel in enumerate(parcels):
            used += 1 if self._is_new(parcel) else plan(parcel, number).size
            if used > BATCH_MAX:
                return max(number, 1)
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel, after one batch."""
        outcomes: list[Outcome] = []
        sent: list[tuple[Parcel, Plan]] = []
        new: list[Parcel] = []
        batch: dict[str, Command] = {}
        try:
            for number, parcel in enumerate(parcels):
                wanted = plan(parcel, number)
                user = self._user(parcel, deadline) if wanted.register or wanted.finish else "-"
                if user is None:
                    outcomes.append(held(parcel, "employee-unknown", parcel.call.employee))
                elif self._is_new(parcel):
                    batch[_question(parcel)] = look_for(parcel.call, self._reader.zone(deadline))
                    new.append(parcel)
                elif wanted.size == 0:
                    outcomes.append(
                        Outcome(parcel.delivery_id, parcel.step, parcel.facts, done=True, sent=False)
                    )
                else:
                    create = self._account.unknown_phone == "create"
                    batch |= commands(parcel, wanted, user, create_contact=create)
                    sent.append((parcel, wanted))
            if not batch:
                return outcomes
            answers = self.client.batch(batch, deadline, reads=not sent)
        except ServiceError as error:
            done = {each.delivery_id for each in outcomes}
            asked = {each.delivery_id for each in new}
            left = [each for each in parcels if each.delivery_id not in done]
            return outcomes + [
                failed(each, _unasked(error) if each.delivery_id in asked else error) for each in left
            ]
        outcomes += [outcome(parcel, wanted, answers) for parcel, wanted in sent]
        return outcomes + self._known(new, answers)

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what the portal has under our ids."""
        questions = {_question(each): look_for_id(each.call) for each in parcels}
        try:
            answers = self.client.batch(questions, deadline)
        except ServiceError as error:
            return {each.delivery_id: failed(each, error) for each in parcels}
        found: dict[int, Found | Outcome | None] = {}
        for parcel in parcels:
            rows = _rows(parcel, answers)
            found[parcel.delivery_id] = (
                failed(parcel, rows) if isinstance(rows, ServiceError) else _found(parcel, rows)
            )
        return found

    def _is_new(self, parcel: Parcel) -> bool:
        """Return whether the portal has to be asked first: nothing of it was ever sent, as far as we know."""
        return not parcel.step and not asked_now(parcel.facts.get(ASKED), self._clock.now())

    def _known(self, parcels: Sequence[Parcel], answers: Batch) -> list[Outcome]:
        """Return the outcomes of questions: it is there, or it may be sent now."""
        now = str(int(self._clock.now().timestamp()))
        outcomes = []
        for parcel in parcels:
            rows = _rows(parcel, answers)
            if isinstance(rows, ServiceError):
                outcomes.append(failed(parcel, _unasked(rows)))
                continue
            row = same_call(parcel.call, rows, self._region, self._taken)
            if row is None:
                outcomes.append(Outcome(parcel.delivery_id, parcel.step, {**parcel.facts, ASKED: now}))
                continue
            known = _there(parcel, row)
            if len(self._taken) >= _TAKEN_MAX:
                self._taken.clear()
            self._taken[known.remote_id] = parcel.call.call_id
            outcomes.append(
                Outcome(
                    parcel.delivery_id, known.step, known.facts, done=known.whole, remote_id=known.remote_id
                )
            )
        return outcomes

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
            try:
                active = [each for each in self._reader.employees(deadline) if each.active]
            except ServiceError as error:
                raise aside(error) from None
            self._users = {each.id: each.id for each in active}
            self._users |= {each.extension: each.id for each in active if each.extension}
            self._users_at = now
        return self._users


def _question(parcel: Parcel) -> str:
    return f"q{parcel.delivery_id}"


def _rows(parcel: Parcel, answers: Batch) -> list[Any] | ServiceError:
    """Return the rows that a question brought, or why it brought none."""
    name = _question(parcel)
    answer = answers.answers.get(name)
    if answer is None or not isinstance(answer.result, list):
        return answers.errors.get(name) or ServiceError(Failure.RETRY, "no-answer", _NO_ANSWER)
    return answer.result


def _unasked(error: ServiceError) -> ServiceError:
    """Return what it means that a question failed: the call itself is neither refused nor in doubt."""
    if error.failure not in {Failure.AMBIGUOUS, Failure.DATA}:
        return error
    return ServiceError(Failure.RETRY, error.code, error.text, status=error.status, sent=False)


def _found(parcel: Parcel, rows: list[Any]) -> Found | None:
    """Return what the statistics have under this very id; a filter not understood gives others, too."""
    own = [
        row
        for row in rows
        if isinstance(row, dict) and str(row.get("EXTERNAL_CALL_ID")) == parcel.call.call_id
    ]
    if own:
        return _there(parcel, own[0])
    if parcel.step == REGISTERED and "call_id" in parcel.facts and GONE not in parcel.facts:
        # Registered and not finished, as far as the statistics know: finishing it is what cannot make a copy.
        return Found(REGISTERED, parcel.facts, whole=False)
    return None


def _there(parcel: Parcel, row: Mapping[str, Any]) -> Found:
    """Return how far a call is that the statistics have; it may have come by another way."""
    recording = parcel.call.recording_url or ""
    has_recording = bool(row.get("CALL_RECORD_URL")) or row.get("RECORD_FILE_ID") is not None
    facts = {**parcel.facts, "call_id": str(row.get("CALL_ID") or ""), "id": str(row.get("ID") or "")}
    if has_recording and parcel.revision == 0:
        facts["recording"] = recording
    whole = not recording or facts.get("recording") == recording
    return Found(RECORDED if has_recording else FINISHED, facts, whole, facts["id"])
