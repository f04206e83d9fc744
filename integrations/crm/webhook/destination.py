"""Posts calls to an address of the customer's, one a request, after Standard Webhooks.

The receiver tells a repeated message by its `webhook-id`, which is the same over all tries of one revision of
a call. So nothing has to be asked before a repeat, and nothing could be: `look_up` says "nothing".
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from integrations.answers import Request, by_status, retry_after
from integrations.crm.delivering import failed, one_by_one, whole
from integrations.crm.webhook.signing import key_of, signed
from integrations.http import Http
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import requests

    from integrations.answers import Reply
    from integrations.checking import Surroundings
    from supportctl.core.accounts import Webhook
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Found, Outcome, Parcel

RATE = 20.0  # requests a second, where the configuration does not say
MAX_BYTES = 20_000  # of a body, as the specification advises
MAX_ANSWER = 64 * 1024  # nobody needs it; a receiver that sends a film is cut off
POSTED = "posted"
_TOGETHER = 20  # intents that one commit of the ledger writes down
_GONE = 410
_THROTTLE = frozenset({429, 502, 504})
_WRONG_ADDRESS = frozenset({401, 403, 404, 405, 407})
_TRY_LATER = frozenset({408, 409, 425})


class WebhookDestination:
    """`DESTINATIONS["webhook"]`. Not for several threads at once: a lane has one holder."""

    batch_size = _TOGETHER

    def __init__(
        self, account: Webhook, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._url = surroundings.resolve(account.url)
        self._secret = surroundings.resolve(account.secret) if account.secret else ""
        self._clock = surroundings.clock
        pacer = Pacer(account.rate or RATE, self._clock)
        self._http = Http(self._clock, judge(self._clock), pacer=pacer, session=session)

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many are taken at once: all, one request each."""
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel."""
        try:
            key = key_of(self._secret) if self._secret else None
        except ServiceError as error:
            return [failed(parcel, error) for parcel in parcels]
        return list(one_by_one(parcels, deadline, lambda parcel, until: self._post(parcel, key, until)))

    def look_up(
        self,
        parcels: Sequence[Parcel],
        deadline: Deadline,  # noqa: ARG002  a receiver cannot be asked
    ) -> Mapping[int, Found | Outcome | None]:
        """Return "nothing" for each: the same message may be sent again, its receiver knows its id."""
        return {parcel.delivery_id: None for parcel in parcels}

    def _post(self, parcel: Parcel, key: bytes | None, deadline: Deadline) -> Outcome:
        number, body = message_id(parcel), body_of(parcel)
        headers = {"Content-Type": "application/json", **signed(key, number, self._clock.now(), body)}
        request = Request(
            "POST",
            self._url,
            "webhook",
            reads=False,
            headers=headers,
            body=body,
            max_body=MAX_ANSWER,
            beginning=True,
        )
        self._http.send(request, deadline)
        return whole(parcel, POSTED, {"webhook_id": number}, number)


def message_id(parcel: Parcel) -> str:
    """Return the id of a message: of the call and its revision, the same in every try and every ledger."""
    call = parcel.call
    text = json.dumps([call.source, call.call_id, parcel.revision], ensure_ascii=False)
    return f"call_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def body_of(parcel: Parcel) -> bytes:
    """Return the body; it is the same in every try. What only the telephony knows goes if it is too big.

    Raises:
        ServiceError: the call does not fit.
    """
    call = parcel.call
    event: dict[str, Any] = {
        "type": "call.updated" if parcel.revision else "call.completed",
        "timestamp": call.started_at.isoformat(),
        "data": {**call.document(), "revision": parcel.revision},
    }
    body = _packed(event)
    if len(body) >= MAX_BYTES:
        event["data"].pop("raw", None)
        body = _packed(event)
    if len(body) >= MAX_BYTES:
        raise ServiceError(Failure.DATA, "too-big", f"{len(body)} bytes of at most {MAX_BYTES}", sent=False)
    return body


def judge(clock: Clock) -> Callable[[Request, Reply], ServiceError | None]:
    """Return what decides: 2xx is delivered, whatever the body says, and nothing else is."""

    def decide(request: Request, reply: Reply) -> ServiceError | None:
        error = by_status(request, reply)
        if error is None:
            return None
        status = reply.status
        code, text = error.code, error.text
        if status == _GONE:
            return ServiceError(Failure.BLOCKED, code, text, status=status)
        if status in _THROTTLE:
            until = retry_after(reply, clock)
            return ServiceError(Failure.WAIT, code, text, status=status, retry_at=until)
        if status in _WRONG_ADDRESS:
            return ServiceError(Failure.CONFIGURATION, code, text, status=status)
        if status in _TRY_LATER or (status >= 500 and error.failure is not Failure.WAIT):
            return ServiceError(Failure.RETRY, code, text, status=status)
        return error

    return decide


def _packed(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str).encode()
