"""Asks the EGAIS transport module (UTM) for its state: are its keys good, do its receipts leave?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES, LinkError
from probes.protocols import utm
from probes.services import web_answers, web_client
from probes.services.driver import service_of
from supportctl.core.finding import Meaning, clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from probes.context import ProbeContext
    from probes.protocols.utm import Certificate, UtmState
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Evidence, Finding

EXPIRING = timedelta(days=30)
UNSENT_WARNING = timedelta(hours=24)
UNSENT_FAULT = timedelta(
    hours=72
)  # UNVERIFIED: after three days without EGAIS a UTM takes no further receipts
_HOUR = 3600
_SHOWN = 400  # characters of evidence


class UtmProbe:
    """`utm://HOST[:8080]`: reads `/api/info/list`, on versions without it `/diagnosis`; GET only."""

    codes = LINK_CODES | {
        "utm.answers", "utm.keys", "utm.token", "utm.documents", "utm.down", "utm.key-missing",
        "utm.key-expired", "utm.key-expiring", "utm.key-invalid", "utm.other-token", "utm.not-synchronised",
        "utm.test-contour", "utm.status-not-supported",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with the UTM, its keys and its documents, and what is fine."""
        try:
            reply = _read(context, utm.INFO_LIST)
            page = reply.page
            if page is not None and page.status == web_answers.NOT_FOUND:
                yield _by_diagnosis(context, reply, _read(context, utm.DIAGNOSIS))
                return
        except LinkError as error:
            yield _unreachable(context, error)
            return
        if page is None or page.status != web_answers.OK:
            yield _no_state(context, reply)
            return
        try:
            state = utm.parse_info(page.body)
        except utm.RemoteProtocolError:
            yield web_answers.something_else(context, reply, Meaning("utm.name"))
            return
        yield from judge(context, state, reply.evidence)


def judge(context: ProbeContext, state: UtmState, answer: Evidence) -> Iterator[Finding]:
    """Yield the findings of a state."""
    seen = answer._replace(got=_shown(state))
    contour = state.contour or "?"
    said = {"version": state.version or "?", "contour": contour, "check": state.check_info or "-"}
    answered = _meant(seen, said)._replace(meaning="utm.state")
    yield context.ok("utm.answers", answered, version=state.version or "?", contour=contour)
    yield from _keys(context, state, seen)
    yield from _token(context, state, seen)
    yield from _documents(context, state, seen)
    if contour.lower().startswith(("test", "тест")):
        yield context.warning("utm.test-contour", answered, contour=contour)


def _keys(context: ProbeContext, state: UtmState, seen: Evidence) -> Iterator[Finding]:
    now = context.clock.now()
    left = {key: _left(context, key, now) for key in state.certificates}
    missing = [kind for kind, key in (("RSA", state.rsa), ("GOST", state.gost)) if key is None]
    late = [key for key in left if left[key] < timedelta(0)]
    soon = [key for key in left if timedelta(0) <= left[key] < EXPIRING]
    # a key that is missing or expired explains what the UTM says against it
    refused = [key for key in left if key not in late and _is_refused(key, state)]
    if missing:
        args: dict[str, object] = {"keys": _kinds(missing), "said": state.rsa_error or "-"}
        none = _meant(seen, args)._replace(meaning="utm.no-key")
        yield context.fault("utm.key-missing", none, **args)
    if late:
        args = _ending(late, left)
        until = _meant(seen, args)._replace(meaning="utm.key-until")
        yield context.fault("utm.key-expired", until, **args)
    if refused:
        said = state.rsa_error or ", ".join(f"isValid: {key.validity}" for key in refused)
        args = {"keys": _kinds([key.kind for key in refused]), "said": said}
        complaint = _meant(seen, args)._replace(meaning="utm.key-refused")
        yield context.fault("utm.key-invalid", complaint, **args)
    if soon:
        args = _ending(soon, left)
        until = _meant(seen, args)._replace(meaning="utm.key-until")
        yield context.warning("utm.key-expiring", until, **args)
    if not (missing or late or refused or soon):
        good = seen._replace(meaning="utm.keys-good")
        yield context.ok("utm.keys", good, rsa=_day(state.rsa), gost=_day(state.gost))


def _is_refused(key: Certificate, state: UtmState) -> bool:
    return not key.valid or (key.kind == "RSA" and state.rsa_error != "")


def _token(context: ProbeContext, state: UtmState, seen: Evidence) -> Iterator[Finding]:
    if not state.owner_id or not state.db_owner_id:
        return
    args = {"owner": state.owner_id, "database": state.db_owner_id}
    owners = _meant(seen, args)
    if state.owner_id == state.db_owner_id:
        yield context.ok("utm.token", owners._replace(meaning="utm.same-owner"), owner=state.owner_id)
    else:
        yield context.fault("utm.other-token", owners._replace(meaning="utm.two-owners"), **args)


def _documents(context: ProbeContext, state: UtmState, seen: Evidence) -> Iterator[Finding]:
    unsent = utm.unsent(state.check_info)
    if not unsent.known:  # a text that we do not understand stays in the evidence; it is no finding
        return
    if unsent.since is None:
        yield context.ok("utm.documents", seen._replace(meaning="utm.nothing-unsent"))
        return
    age = context.clock.now() - _in_zone(context, unsent.since)
    hours = max(0, int(age.total_seconds() // _HOUR))
    args: dict[str, str | int] = {"since": f"{unsent.since:%d.%m.%Y %H:%M}", "hours": hours}
    waiting = seen._replace(meaning="utm.unsent-since", args=clean_args(args))
    if age < UNSENT_WARNING:
        yield context.ok("utm.documents", waiting)
    elif age < UNSENT_FAULT:
        yield context.warning("utm.not-synchronised", waiting, since=args["since"], hours=hours)
    else:
        yield context.fault("utm.not-synchronised", waiting, since=args["since"], hours=hours)


def _read(context: ProbeContext, path: str) -> WebReply:
    request = utm.request(path, web_client.host_of(context.target))
    return web_client.ask(context, request, f"GET {path}")


def _unreachable(context: ProbeContext, error: LinkError) -> Finding:
    """A computer that answers and refuses has no UTM running; all else is about the way to it."""
    if error.code != "link.refused":
        return context.link_failed(error)
    return context.fault("utm.down", *error.evidence, *service_of(context, "utm"))


def _no_state(context: ProbeContext, reply: WebReply) -> Finding:
    page = reply.page
    if reply.silent:
        seconds = round(reply.evidence.ms / 1000, 1)
        hung = reply.evidence._replace(meaning="link.no-answer", args={"seconds": seconds})
        return context.fault("utm.down", hung, *service_of(context, "utm"))
    if page is None:
        return web_answers.not_whole(context, reply)
    if page.status in web_answers.SERVER_ERRORS:
        args = {"http_status": web_answers.status_line(reply)}
        return context.fault(
            "utm.down", reply.evidence._replace(meaning="web.failure", args=clean_args(args))
        )
    return web_answers.something_else(context, reply, Meaning("utm.name"))


def _by_diagnosis(context: ProbeContext, first: WebReply, reply: WebReply) -> Finding:
    """An old UTM says whose token it has, and nothing of its keys."""
    try:
        owner = utm.parse_diagnosis(reply.page.body) if reply.page is not None else ""
    except utm.RemoteProtocolError:
        owner = ""
    if not owner:
        return web_answers.something_else(context, first, Meaning("utm.name"))
    seen = reply.evidence._replace(meaning="utm.fsrar-id", args={"owner": owner})
    return context.unknown("utm.status-not-supported", first.evidence, seen, owner=owner)


def _left(context: ProbeContext, key: Certificate, now: datetime) -> timedelta:
    """Return how long a key is good for; one whose date cannot be read is good for ever."""
    return _in_zone(context, key.expires) - now if key.expires is not None else timedelta.max


def _in_zone(context: ProbeContext, moment: datetime) -> datetime:
    """Return a moment with a zone: the UTM's own, else the shop's, else this computer's."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=context.settings.timezone or context.clock.now().tzinfo)


def _ending(keys: list[Certificate], left: Mapping[Certificate, timedelta]) -> dict[str, object]:
    first = min(keys, key=lambda key: left[key])
    days = abs(left[first]) // timedelta(days=1)
    return {"keys": _kinds([key.kind for key in keys]), "until": _day(first), "days": days}


def _kinds(kinds: list[str]) -> Meaning:
    if len(kinds) > 1:
        return Meaning("utm.both-keys")
    return Meaning("utm.rsa-key") if kinds == ["RSA"] else Meaning("utm.gost-key")


def _day(key: Certificate | None) -> str:
    if key is None:
        return "-"
    return f"{key.expires:%d.%m.%Y}" if key.expires is not None else key.expires_text or "?"


def _meant(seen: Evidence, args: Mapping[str, object]) -> Evidence:
    return seen._replace(args=clean_args(args))


def _shown(state: UtmState) -> str:
    """Return the fields that are judged, which a cut answer may not show."""
    parts = [
        f"version {state.version}; contour {state.contour}; rsaError {state.rsa_error or None}",
        f"checkInfo {state.check_info or None}; ownerId {state.owner_id}; db.ownerId {state.db_owner_id}",
    ]
    for name, key in (("rsa", state.rsa), ("gost", state.gost)):
        parts.append(
            f"{name}.expireDate {key.expires_text}, isValid {key.validity}" if key else f"{name} None"
        )
    return clean("; ".join(parts), _SHOWN)
