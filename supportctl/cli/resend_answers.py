"""What `resend add`, `recover` and `run` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.text import clean
from supportctl.report.resend import as_json
from supportctl.report.wording import counted, moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from supportctl.app.resend_add import Enqueued
    from supportctl.app.resend_recover import Found, Recovered
    from supportctl.app.resend_run import Ran
    from supportctl.catalog import Catalog

RAN = "supportctl.run/1"


def _count(catalog: Catalog, key: str, n: int, **args: str) -> str:
    number = f"{n:,}" if catalog.lang == "en" else f"{n:,}".replace(",", "\N{NO-BREAK SPACE}")
    return counted(catalog, f"resend.{key}", n, number=number, **args)


def enqueued_document(done: Enqueued, catalog: Catalog, /, **more: object) -> str:
    """Return `supportctl.enqueued/1`."""
    counts = {
        "accepted": done.accepted,
        "already_known": done.already_known,
        "updated": done.updated,
    }
    document = as_json.enqueued(
        counts, done.rejected, catalog, destination=done.destination, dry_run=done.dry_run, **more
    )
    return as_json.as_text(document)


def recovered_document(done: Recovered, catalog: Catalog) -> str:
    """Return `supportctl.enqueued/1` with what was found."""
    found = done.found
    return enqueued_document(
        done.enqueued,
        catalog,
        window={"since": found.since.isoformat(), "until": found.until.isoformat()},
        calls=found.calls,
        matched=found.matched,
        counts=dict(found.gaps),
        complete=found.complete,
    )


def enqueued_lines(done: Enqueued, catalog: Catalog, limit: int, *, from_file: bool) -> Iterator[str]:
    """Yield what became of the calls; `from_file`: rejected ones have a line."""
    to = clean(done.destination)
    yield _count(catalog, "would-add" if done.dry_run else "added", done.accepted, destination=to)
    if done.already_known:
        yield _count(catalog, "added-known", done.already_known)
    if done.updated:
        yield _count(catalog, "added-updated", done.updated)
    if done.rejected:
        yield _count(catalog, "rejected", len(done.rejected))
    for each in done.rejected[:limit]:
        reason = as_json.reason_of(each, catalog)
        key = "resend.rejected-line" if from_file else "resend.rejected-call"
        yield f"  {catalog.phrase(key, line=each.line, reason=reason)}"
    if len(done.rejected) > limit:
        yield f"  {_count(catalog, 'rejected-more', len(done.rejected) - limit)}"
    if not done.dry_run and done.accepted + done.updated:
        yield catalog.phrase("resend.next-run")


def found_lines(found: Found, destination: str, zone: tzinfo, catalog: Catalog) -> Iterator[str]:
    """Yield what a comparison found, before anything is queued."""
    since, until = (moment(at.astimezone(zone).isoformat(), catalog) for at in (found.since, found.until))
    window = {"destination": clean(destination), "since": since, "until": until}
    for problem in found.problems:
        yield f"{problem.code}  {problem.title}"
    if found.calls or found.complete:
        calls = {"calls": found.calls, "matched": found.matched}
        yield catalog.phrase("resend.found-window", **window, **calls)
    if not found.complete:
        yield catalog.phrase("resend.found-incomplete")
    elif not found.gaps:
        yield catalog.phrase("resend.found-nothing", **window)
    for code, n in found.gaps.items():
        title = catalog.phrase(f"sync.state-{code.removeprefix('sync.')}", crm=clean(destination))
        yield f"  {catalog.phrase('resend.found-gap', title=title, n=n)}"


def ran_document(ran: Ran) -> str:
    """Return `supportctl.run/1`."""
    counts = {name: getattr(ran, name) for name in ("delivered", "escalated", "held", "waiting")}
    more = {
        "requests": ran.worked.requests,
        "crashed": ran.worked.crashed,
        "duration_s": round(ran.seconds, 3),
    }
    return as_json.as_text({"schema": RAN, **counts, **more})


def ran_lines(ran: Ran, catalog: Catalog, *, is_empty: bool) -> Iterator[str]:
    """Yield the summary of a run."""
    if ran.worked.crashed:
        yield _count(catalog, "run-crashed", ran.worked.crashed)
    if is_empty and not ran.worked.requests and not ran.escalated:
        yield catalog.phrase("resend.run-nothing")
        return
    numbers = {name: getattr(ran, name) for name in ("delivered", "escalated", "held", "waiting")}
    time = catalog.phrase("resend.short-seconds", n=f"{ran.seconds:.1f}")
    yield catalog.phrase("resend.run-summary", **numbers, requests=ran.worked.requests, time=time)
    if not is_empty:
        yield catalog.phrase("resend.run-waits")
    if ran.escalated or ran.held:
        yield catalog.phrase("resend.run-people")
