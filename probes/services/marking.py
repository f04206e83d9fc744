"""Asks the marking system's local module for its state; `marking+https://` is the operator's CDN."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES, LinkError
from probes.protocols import http1, marking
from probes.services import web_answers, web_client
from probes.services.driver import service_of
from supportctl.core.finding import Meaning, clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from probes.context import ProbeContext
    from probes.protocols.marking import ModuleState
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Evidence, Finding

OLD = timedelta(hours=24)
_SHOWN = 400  # characters of evidence
BEHIND_PERCENT = 90  # of the operator's entries; a copy lags a little behind even when all is well


class MarkingProbe:
    """`marking://HOST[:5995][?user=NAME&password=...]`: reads `/api/v1/status`; GET only.

    `marking+https://HOST` is the operator's CDN (`probes.services.cdn`).
    """

    codes = LINK_CODES | {
        "marking.answers", "marking.database", "marking.mode", "marking.down", "marking.not-initialised",
        "marking.initialising", "marking.sync-failing", "marking.database-old", "marking.database-incomplete",
        "marking.service-mode", "marking.wrong-password", "marking.state-unknown",
        # of the CDN
        "marking.cdn", "marking.cdn-unreachable", "marking.cdn-failing", "marking.cdn-slow",
        "marking.cdn-token",
        "net.tls", "net.tls-expiring", "net.tls-expired", "net.tls-not-yet-valid", "net.tls-name",
        "net.tls-untrusted", "net.tls-intercepted", "net.tls-refused", "net.tls-old", "net.not-tls",
        "host.clock-drift",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with the module and its copy of the operator's lists, and what is fine."""
        if context.target.wire == "https":
            from probes.services import cdn

            yield from cdn.run(context)
            return
        try:
            reply = _read(context, marking.STATUS_V1)
            if reply.page is not None and reply.page.status == web_answers.NOT_FOUND:
                reply = _read(context, marking.STATUS_V2)
        except LinkError as error:
            yield _unreachable(context, error)
            return
        page = reply.page
        if page is None or page.status != web_answers.OK:
            yield _no_state(context, reply)
            return
        try:
            state = marking.parse_status(page.body)
        except marking.RemoteProtocolError:
            yield web_answers.something_else(context, reply, Meaning("marking.name"))
            return
        yield from judge(context, state, reply.evidence)


def judge(context: ProbeContext, state: ModuleState, answer: Evidence) -> Iterator[Finding]:
    """Yield the findings of a state."""
    seen = answer._replace(got=_shown(state))
    args = {"status": state.status, "version": state.version or "?"}
    answered = seen._replace(meaning="marking.state", args=clean_args(args))
    yield context.ok("marking.answers", answered, version=args["version"])
    if state.operation_mode and state.operation_mode != marking.ACTIVE:
        yield context.warning("marking.service-mode", answered, mode=state.operation_mode)
    elif state.operation_mode:
        yield context.ok("marking.mode", answered)
    blocking = _not_ready(context, state, answered)
    if blocking is not None:
        yield blocking
        if blocking.code in {"marking.not-initialised", "marking.initialising"}:
            # it has no lists yet: what is missing or old in them follows from that
            for problem in _database(context, state, seen):
                yield context.skipped(problem.code, blocking.code, **problem.args)
            return
    problems = list(_database(context, state, seen))
    yield from problems
    if not problems and blocking is None:
        yield context.ok("marking.database", _synced(context, state, seen))


def _not_ready(context: ProbeContext, state: ModuleState, seen: Evidence) -> Finding | None:
    if state.status == marking.READY:
        return None
    if state.status == marking.NOT_CONFIGURED:
        return context.fault("marking.not-initialised", seen)
    if state.status == marking.INITIALIZATION:
        return context.warning("marking.initialising", seen)
    if state.status == marking.SYNC_ERROR:
        return context.fault("marking.sync-failing", seen)
    return context.unknown("marking.state-unknown", seen, state=state.status)


def _database(context: ProbeContext, state: ModuleState, seen: Evidence) -> Iterator[Finding]:
    lacking = [
        f"{copy.name} {copy.local}/{copy.server}"
        for copy in state.replication
        if copy.local * 100 < copy.server * BEHIND_PERCENT
    ]
    if state.requires_download:
        wants = seen._replace(meaning="marking.wants-download")
        yield context.fault("marking.database-incomplete", wants, lists=", ".join(lacking) or "-")
    elif lacking:
        lists = ", ".join(lacking)
        behind = seen._replace(meaning="marking.lists-behind", args=clean_args({"lists": lists}))
        yield context.warning("marking.database-incomplete", behind, lists=lists)
    last = state.last_sync or state.last_update
    if last is None:
        never = seen._replace(meaning="marking.never-synced")
        yield context.warning("marking.database-old", never, since="-", hours="-")
        return
    age = context.clock.now() - last
    if age > OLD:
        yield context.warning(
            "marking.database-old",
            _synced(context, state, seen),
            since=f"{last.astimezone(_zone(context)):%d.%m.%Y %H:%M}",
            hours=int(age / timedelta(hours=1)),
        )


def _synced(context: ProbeContext, state: ModuleState, seen: Evidence) -> Evidence:
    last = state.last_sync or state.last_update
    if last is None:
        return seen
    shown = f"{last.astimezone(_zone(context)):%d.%m.%Y %H:%M}"
    return seen._replace(meaning="marking.last-sync", args={"since": shown})


def _zone(context: ProbeContext) -> tzinfo | None:
    return context.settings.timezone or context.clock.now().tzinfo


def _read(context: ProbeContext, path: str) -> WebReply:
    """Return the answer; a password goes along if there is one, and is tried this once."""
    target = context.target
    password = target.option("password")
    user = target.user or target.option("user")
    headers = http1.basic_auth(user, password) if user or password else http1.NO_HEADERS
    request = marking.request(path, web_client.host_of(target), headers=headers)
    return web_client.ask(context, request, f"GET {path}")


def _unreachable(context: ProbeContext, error: LinkError) -> Finding:
    """A computer that answers and refuses has no module running; all else is about the way to it."""
    if error.code != "link.refused":
        return context.link_failed(error)
    return context.fault("marking.down", *error.evidence, *service_of(context, "marking"))


def _no_state(context: ProbeContext, reply: WebReply) -> Finding:
    page = reply.page
    if reply.silent:
        seconds = round(reply.evidence.ms / 1000, 1)
        hung = reply.evidence._replace(meaning="link.no-answer", args={"seconds": seconds})
        return context.fault("marking.down", hung, *service_of(context, "marking"))
    if page is None:
        return web_answers.not_whole(context, reply)
    if page.status in web_answers.NEEDS_PASSWORD:
        given = context.target.option("password") != ""
        seen = reply.evidence._replace(meaning="web.wrong-password" if given else "web.needs-password")
        return context.unknown("marking.wrong-password", seen)
    if page.status in web_answers.SERVER_ERRORS:
        args = {"http_status": web_answers.status_line(reply)}
        return context.fault(
            "marking.down", reply.evidence._replace(meaning="web.failure", args=clean_args(args))
        )
    return web_answers.something_else(context, reply, Meaning("marking.name"))


def _shown(state: ModuleState) -> str:
    """Return the fields that are judged, which a cut answer may not show."""
    parts = [
        f"status {state.status}; operationMode {state.operation_mode}; version {state.version}",
        f"inst {state.inst}; inn {state.inn}; requiresDownload {state.requires_download}",
    ]
    for name, moment in (("lastSync", state.last_sync), ("lastUpdate", state.last_update)):
        parts.append(f"{name} {moment:%Y-%m-%d %H:%M:%S}Z" if moment else f"{name} None")
    parts += [f"{copy.name} {copy.local}/{copy.server}" for copy in state.replication]
    return clean("; ".join(parts), _SHOWN)
