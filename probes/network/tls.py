"""TLS: is the certificate good, is it the service's own, and if not, is the clock here the true cause?

Three handshakes at most: one as a careful program makes it, one to which the date does not matter, one that
only looks. Dates and names are judged here, each on its own, so that an expired certificate of an antivirus
for the wrong name is told as what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links import LinkError
from probes.network import certificates
from probes.network.clock import FAULT_S, drift_args
from probes.network.clock_sources import TimeSample, ask_configured, ask_date
from probes.network.hosts import Host
from probes.network.interceptors import Interceptor, find
from probes.network.tls_handshake import (
    X509_V_ERR_CERT_HAS_EXPIRED,
    X509_V_ERR_CERT_NOT_YET_VALID,
    Peer,
    TlsFailedError,
    TlsLink,
    looking_context,
    old_context,
    strict_context,
    timeless_context,
)
from supportctl.core.finding import Status
from supportctl.core.target import THIS_COMPUTER, Target

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from datetime import datetime

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

CODES = frozenset(
    {
        "net.tls", "net.tls-expiring", "net.tls-expired", "net.tls-not-yet-valid", "net.tls-name",
        "net.tls-untrusted", "net.tls-intercepted", "net.tls-refused", "net.tls-old", "net.not-tls",
        "host.clock-drift",
        "link.refused", "link.timeout", "link.no-route", "link.dns", "link.silent", "link.closed",
    }
)  # fmt: skip
HANDSHAKE_S = 5.0
_CLOCK_S = 2.5


class Seen(NamedTuple):
    """What the handshakes showed.

    `distrust` is OpenSSL's reason not to trust the issuer, empty if it does; `dates` its complaint about the
    date of the certificate or of an issuer.
    """

    peer: Peer
    distrust: str
    dates: str


class Problem(NamedTuple):
    """A code and its status."""

    code: str
    status: Status


def judge(
    certificate: certificates.Certificate,
    seen: Seen,
    asked: str,
    now: datetime,
    interceptor: Interceptor | None,
) -> list[Problem]:
    """Return what is wrong with a certificate at `now`; of an interceptor's, only that it is one."""
    if interceptor is not None:
        return [Problem("net.tls-intercepted", Status.FAULT if seen.distrust else Status.WARNING)]
    found = []
    validity = certificates.validity(certificate, now)
    if validity.code:
        late = validity.code == "net.tls-expiring"
        found.append(Problem(validity.code, Status.WARNING if late else Status.FAULT))
    if not certificates.covers(certificate.names, asked):
        found.append(Problem("net.tls-name", Status.FAULT))
    if seen.distrust or (seen.dates and validity.code in {"", "net.tls-expiring"}):
        # the leaf's dates are fine, so it is an issuer's certificate that has expired
        found.append(Problem("net.tls-untrusted", Status.FAULT))
    return found


class TlsProbe:
    """Asks `tls://HOST[:PORT][?name=NAME&ca=FILE]` for its certificate."""

    codes = CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with the TLS of the target, or that it is fine."""
        target = context.target
        asked = target.option("name") or target.host
        try:
            yield from examine(context, Host("tls", target.host, target.port or 443), asked)
        except LinkError as error:
            yield context.link_failed(error)


def examine(context: ProbeContext, host: Host, asked: str) -> Iterator[Finding]:
    """Yield what is wrong with the TLS of `host` as a client that asks for the name `asked` sees it.

    Raises:
        LinkError: it cannot be connected to, or closed in the handshake.
    """
    started = context.clock.monotonic()
    question = f"TLS handshake {asked}"
    try:
        seen = _look(context, host, asked)
    except OSError as error:  # the file of the option `ca`; the wire's own failures are LinkErrors
        evidence = context.evidence(question, "net.ca-unreadable", started=started, got=str(error))
        yield context.unknown("net.tls-untrusted", evidence, issuer="-", subject="-", host=asked)
        return
    except TlsFailedError as error:
        yield _failed(context, host, asked, error, started)
        return
    certificate = certificates.read(seen.peer.leaf)
    if certificate is None:
        got = seen.peer.leaf
        evidence = context.evidence(question, "net.certificate-garbled", started=started, got=got)
        yield context.fault("net.tls-untrusted", evidence, issuer="-", subject="-", host=asked)
        return
    interceptor = find(certificate.issuer_words)
    shown = _shown(certificate, seen)
    evidence = context.evidence(question, "net.certificate", started=started, got=shown)
    now = context.clock.now()
    problems = judge(certificate, seen, asked, now, interceptor)
    args = _args(certificate, asked, now, interceptor)
    source = _right_time(context, host) if any(p.code in _DATED for p in problems) else None
    if source is not None and _clock_is_cause(certificate, now, source):
        yield _clock_fault(context, source)
        for problem in problems:
            if problem.code in _DATED:
                yield context.skipped(problem.code, "host.clock-drift", **args)
        problems = [problem for problem in problems if problem.code not in _DATED]
    elif not problems:
        yield context.ok("net.tls", evidence, **args)
    for problem in problems:
        make = context.warning if problem.status is Status.WARNING else context.fault
        yield make(problem.code, evidence, **args)


_DATED = frozenset({"net.tls-expired", "net.tls-not-yet-valid"})


def _look(context: ProbeContext, host: Host, asked: str) -> Seen:
    ca = context.target.option("ca")
    try:
        return Seen(_shake(context, host, asked, strict_context(ca)), "", "")
    except TlsFailedError as error:
        if error.outcome != "not-verified":
            raise
        first = error
    dates = ""
    if first.verify_code in {X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID}:
        dates = first.reason
        try:
            return Seen(_shake(context, host, asked, timeless_context(ca)), "", dates)
        except TlsFailedError as error:
            if error.outcome != "not-verified":
                raise
            first = error
    return Seen(_shake(context, host, asked, looking_context()), first.reason or "not trusted", dates)


def _shake(context: ProbeContext, host: Host, asked: str, client: ssl.SSLContext) -> Peer:
    deadline = context.deadline.within(HANDSHAKE_S)
    link = context.opener(Target(None, "tcp", host.name, host.port), deadline)
    with TlsLink(link, client, asked) as tls:
        return tls.handshake(deadline)


def _failed(context: ProbeContext, host: Host, asked: str, error: TlsFailedError, started: float) -> Finding:
    question = f"TLS handshake {asked}"
    if error.outcome == "silent":
        seen = context.evidence(question, "net.handshake-silent", started=started, got=error.got or None)
        return context.fault("link.silent", seen, host=host.name, port=host.port)
    if error.outcome == "not-tls":
        seen = context.evidence(question, "net.handshake-not-tls", started=started, got=error.got)
        return context.fault("net.not-tls", seen, host=host.name, port=host.port)
    seen = context.evidence(question, "net.handshake-refused", started=started, got=error.reason)
    try:
        peer = _shake(context, host, asked, old_context())
    except (TlsFailedError, LinkError):
        return context.fault("net.tls-refused", seen, host=asked, reason=error.reason)
    old = context.evidence(question, "net.handshake-old", started=started, got=peer.version)
    return context.fault("net.tls-old", seen, old, host=asked, version=peer.version)


def _right_time(context: ProbeContext, host: Host) -> TimeSample | None:
    """The time as a configured time server tells it, else as the service itself does."""
    for server in context.settings.ntp_servers[:1]:
        sample = ask_configured(server, context.deadline.within(_CLOCK_S)).sample
        if sample is not None:
            return sample
    return ask_date(context, host, context.deadline.within(_CLOCK_S))


def _clock_is_cause(certificate: certificates.Certificate, now: datetime, source: TimeSample) -> bool:
    from datetime import timedelta

    right = certificates.validity(certificate, now + timedelta(seconds=source.offset_s))
    return abs(source.offset_s) >= FAULT_S and right.code not in _DATED


def _clock_fault(context: ProbeContext, source: TimeSample) -> Finding:

    started = context.clock.monotonic()
    asked = f"NTP {source.source}" if source.kind == "ntp" else f"HEAD {source.source}"
    seconds = round(abs(source.offset_s), 1)
    if source.offset_s < 0:
        seen = context.evidence(asked, "net.clock-ahead", started=started, got=source.detail, seconds=seconds)
    else:
        seen = context.evidence(
            asked, "net.clock-behind", started=started, got=source.detail, seconds=seconds
        )
    here = context._replace(target=THIS_COMPUTER)
    return here.fault("host.clock-drift", seen, **drift_args(context, source.offset_s, source.source))


def _args(
    certificate: certificates.Certificate, asked: str, now: datetime, interceptor: Interceptor | None
) -> dict[str, object]:
    return {
        "host": asked,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": ", ".join(certificate.names) or "-",
        "until": certificate.not_after.strftime("%d.%m.%Y"),
        "since": certificate.not_before.strftime("%d.%m.%Y"),
        "days": (certificate.not_after - now).days,
        "product": interceptor.product if interceptor else "-",
    }


def _shown(certificate: certificates.Certificate, seen: Seen) -> str:
    reason = "; ".join(part for part in (seen.distrust, seen.dates) if part)
    return (
        f"{seen.peer.version}, subject {certificate.subject}, issuer {certificate.issuer}, "
        f"{certificate.not_before:%Y-%m-%d}..{certificate.not_after:%Y-%m-%d}, "
        f"names {' '.join(certificate.names) or '-'}" + (f", {reason}" if reason else "")
    )
