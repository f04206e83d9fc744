"""Who knows the time: NTP servers (RFC 5905), and the `Date` of web services (RFC 9110, 6.6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.links import LinkError
from probes.network import http
from probes.network.tls_handshake import TlsFailedError, TlsLink, looking_context
from supportctl.core.target import Target

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links import Link
    from probes.network.hosts import Host
    from supportctl.core.deadline import Deadline

NTP_PORT = 123
_NOT_SYNCHRONISED = 3  # leap indicator (RFC 5905, figure 9)
_MAX_STRATUM = 15
_HALF_SECOND = 0.5  # a Date is cut to whole seconds


class TimeSample(NamedTuple):
    """How far a source is ahead of this computer's clock, in seconds, and how sure that is (±)."""

    source: str
    kind: Literal["ntp", "http"]
    offset_s: float
    within_s: float
    detail: str = ""


class NtpAnswer(NamedTuple):
    """`outcome` is "ok", "silent", "no-name", "unsynchronised" or "garbled"."""

    outcome: str
    sample: TimeSample | None = None
    detail: str = ""


def ask_ntp(server: str, deadline: Deadline, port: int = NTP_PORT) -> NtpAnswer:
    """Return what an NTP server says. A name is looked up in here: run it where it may be left behind."""
    import socket

    import ntplib

    try:
        stats = ntplib.NTPClient().request(
            server, version=4, port=port, timeout=max(deadline.remaining(), 0.001)
        )
    except socket.gaierror:
        return NtpAnswer("no-name")
    except (ntplib.NTPException, OSError) as error:
        garbled = isinstance(error, ntplib.NTPException) and "No response" not in str(error)
        return NtpAnswer("garbled" if garbled else "silent")
    detail = f"offset {stats.offset:+.3f} s, delay {stats.delay * 1000:.0f} ms, stratum {stats.stratum}"
    if stats.leap == _NOT_SYNCHRONISED or not 1 <= stats.stratum <= _MAX_STRATUM:
        # stratum 0 is a "kiss of death" (RFC 5905, 7.4): the server asks to be left alone
        return NtpAnswer("unsynchronised", None, f"leap {stats.leap}, stratum {stats.stratum}")
    sample = TimeSample(server, "ntp", float(stats.offset), abs(float(stats.delay)) / 2, detail)
    return NtpAnswer("ok", sample, detail)


def ask_configured(server: str, deadline: Deadline) -> NtpAnswer:
    """Return what the time server of the configuration says: `NAME` or `NAME:PORT`."""
    host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
    return ask_ntp(host, deadline, int(port) if port.isdecimal() else NTP_PORT)


def ask_date(context: ProbeContext, host: Host, deadline: Deadline) -> TimeSample | None:
    """Return the clock of a web service, None if it does not tell.

    The certificate is not looked at: with a wrong clock here none is good, and the time is all we ask.
    """
    try:
        with context.opener(Target(None, "tcp", host.name, host.port), deadline) as link:
            if host.scheme == "http":
                return date_over(context, link, host, deadline)
            with TlsLink(link, looking_context(), None if ":" in host.name else host.name) as tls:
                tls.handshake(deadline)
                return date_over(context, tls, host, deadline)
    except (LinkError, TlsFailedError):
        return None


def date_over(context: ProbeContext, link: Link, host: Host, deadline: Deadline) -> TimeSample | None:
    """Return the clock of a web service on an open link; asks for the headers of a page, with HEAD.

    Raises:
        LinkError: the connection closed.
    """
    clock = context.clock
    began, started = clock.now(), clock.monotonic()
    try:
        answer = http.exchange(link, http.request("HEAD", host.name, host.path), deadline)
    except http.NotHttpError:
        return None
    if answer is None or answer.date is None:
        return None
    took = clock.monotonic() - started
    offset = (answer.date - began).total_seconds() + _HALF_SECOND - took / 2
    detail = f"HTTP {answer.status} Date: {answer.headers['date']}"
    return TimeSample(host.name, "http", offset, _HALF_SECOND + took / 2, detail)
