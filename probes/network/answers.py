"""Probes of single network services: a port, a web address, a DNS server, a time server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from probes.links import LinkError
from probes.network import dnsquery, http, tls
from probes.network.clock import drift_args, status_of
from probes.network.clock_sources import NtpAnswer, ask_ntp
from probes.network.hosts import Host, is_address, parse_hosts
from probes.network.internet import default_urls, url_host
from probes.network.tls_handshake import TlsFailedError, TlsLink, looking_context
from probes.network.together import gather
from supportctl.core.finding import Status
from supportctl.core.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_WAIT_S = 5.0
_UDP_WAIT_S = 3.0
_TRIES = 2  # UDP promises nothing: one lost packet is no silent server
_LINK = frozenset({"link.refused", "link.timeout", "link.no-route", "link.dns", "link.closed", "link.silent"})
SERVER_ERRORS = range(500, 600)


class PortProbe:
    """Connects to `tcp://HOST:PORT`, sends nothing and closes again."""

    codes = _LINK | {"net.port"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether the port takes connections."""
        started = context.clock.monotonic()
        target = context.target
        try:
            context.open_link().close()
        except LinkError as error:
            yield context.link_failed(error)
            return
        asked = f"TCP connect {target.host}:{target.port}"
        seen = context.evidence(asked, "net.port-open", started=started)
        yield context.ok("net.port", seen, host=target.host, port=target.port)


class WebProbe:
    """Asks `http(s)://HOST/PATH` for its headers; for https the certificate is examined first."""

    codes = _LINK | tls.CODES | {"net.http", "net.http-status", "net.not-http"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with the address, or that it answers."""
        target = context.target
        secure = target.wire == "https"
        host = Host(target.wire, target.host, target.port or (443 if secure else 80), target.path or "/")
        try:
            if secure:
                broken = False
                for finding in tls.examine(context, host, target.option("name") or target.host):
                    broken = broken or finding.code in {"net.not-tls", "link.silent", "net.tls-refused"}
                    yield finding
                if broken:
                    return
            yield self._ask(context, host)
        except LinkError as error:
            yield context.link_failed(error)
        except TlsFailedError:
            return  # told by `examine`: an old server answers nobody who speaks today's TLS

    @staticmethod
    def _ask(context: ProbeContext, host: Host) -> Finding:
        deadline = context.deadline.within(_WAIT_S)
        asked = f"HEAD {host.path}"
        started = context.clock.monotonic()
        with context.opener(Target(None, "tcp", host.name, host.port), deadline) as link:
            wire = link
            if host.scheme == "https":
                wire = TlsLink(link, looking_context(), host.name)
                wire.handshake(deadline)
            try:
                answer = http.exchange(wire, http.request("HEAD", host.name, host.path), deadline)
            except http.NotHttpError as error:
                seen = context.evidence(asked, "net.answer-not-http", started=started, got=error.got)
                return context.fault("net.not-http", seen, host=host.name, port=host.port)
        if answer is None:
            seen = context.evidence(asked, "net.web-silent", started=started)
            return context.fault("link.silent", seen, host=host.name, port=host.port)
        shown = f"HTTP {answer.status}, Date: {answer.headers.get('date', '-')}"
        if answer.status in SERVER_ERRORS:
            seen = context.evidence(
                asked, "net.web-error", started=started, got=shown, http_status=answer.status
            )
            return context.fault("net.http-status", seen, host=host.name, http_status=answer.status)
        seen = context.evidence(
            asked, "net.web-answers", started=started, got=shown, http_status=answer.status
        )
        return context.ok("net.http", seen, host=host.name, http_status=answer.status)


class DnsProbe:
    """Asks the server of `dns://SERVER?name=NAME` for a name, by default a configured or well-known one."""

    codes = frozenset({"net.dns-server", "net.dns-no-such-name", "net.dns-failed", "link.silent", "link.dns"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the server says of the name."""
        from probes.links.tcp import resolve

        target, started = context.target, context.clock.monotonic()
        port = target.port or dnsquery.PORT
        try:
            server = str(resolve(target.host, port, context.deadline)[0].sockaddr[0])
        except LinkError as error:
            yield context.link_failed(error)
            return
        name = target.option("name") or _some_name(context)
        answer = dnsquery.ServerAnswer(server, name, "silent")
        for _ in range(_TRIES):
            if answer.outcome == "silent":
                answer = dnsquery.ask(server, name, context.deadline.within(_UDP_WAIT_S / _TRIES), port=port)
        got = " ".join((answer.outcome, *answer.addresses))
        seen = context.evidence(f"DNS A {name}", "net.dns-asked-directly", started=started, got=got)
        if answer.outcome == "NOERROR":
            yield context.ok("net.dns-server", seen, names=name)
        elif answer.outcome == "NXDOMAIN":
            yield context.warning("net.dns-no-such-name", seen, names=name)
        elif answer.outcome == "silent":
            yield context.fault("link.silent", seen, host=target.host, port=port)
        else:
            yield context.fault("net.dns-failed", seen, names=name, servers=target.host)


def _some_name(context: ProbeContext) -> str:
    configured = [host.name for host in parse_hosts(context.settings.hosts) if not is_address(host.name)]
    return configured[0] if configured else url_host(default_urls()[0])


class NtpProbe:
    """Asks the time server of `ntp://HOST` for the time, and compares this computer's clock with it."""

    codes = frozenset(
        {"net.ntp-server", "net.ntp-unsynchronised", "host.clock-drift", "link.silent", "link.dns"}
    )

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the server says."""
        from probes.links.tcp import resolve

        target, started = context.target, context.clock.monotonic()
        port = target.port or 123
        asked = f"NTP {target.host}"
        try:
            server = str(resolve(target.host, port, context.deadline)[0].sockaddr[0])
        except LinkError as error:
            yield context.link_failed(error)
            return
        answer = NtpAnswer("silent")
        for _ in range(_TRIES):
            if answer.outcome == "silent":
                answer = ask_ntp(server, context.deadline.within(_UDP_WAIT_S / _TRIES), port)
        if answer.outcome in {"silent", "garbled"}:
            seen = context.evidence(asked, "net.time-silent", started=started, got=answer.outcome)
            yield context.fault("link.silent", seen, host=target.host, port=port)
            return
        if answer.sample is None:
            seen = context.evidence(asked, "net.time-unsynchronised", started=started, got=answer.detail)
            yield context.warning("net.ntp-unsynchronised", seen, host=target.host)
            return
        offset = answer.sample.offset_s
        seconds = round(abs(offset), 1)
        meaning = "net.clock-ahead" if offset < 0 else "net.clock-behind"
        seen = context.evidence(asked, meaning, started=started, got=answer.detail, seconds=seconds)
        status = status_of(offset)
        if status is Status.OK:
            yield context.ok("net.ntp-server", seen, host=target.host, seconds=seconds)
        else:
            make = context.fault if status is Status.FAULT else context.warning
            yield make("host.clock-drift", seen, **drift_args(context, offset, target.host))


class HostsProbe:
    """Looks at each service of `network.hosts` as if it were a target."""

    codes = PortProbe.codes | WebProbe.codes | tls.CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the findings of each service, in the order of the configuration."""
        hosts = parse_hosts(context.settings.hosts)
        contexts = [context._replace(target=host.target()) for host in hosts]
        started = context.clock.monotonic()
        asked = [partial(_examine, host, own) for host, own in zip(hosts, contexts, strict=True)]
        for host, own, found in zip(hosts, contexts, gather(asked, context.deadline), strict=True):
            if found is None:
                seen = own.evidence(own.target.url, "net.not-in-time", started=started)
                yield own.unknown("link.timeout", seen, host=host.name, port=host.port)
            else:
                yield from found


def _examine(host: Host, context: ProbeContext) -> list[Finding]:
    found = []
    for finding in _probe_of(host).run(context):
        if finding.code == "link.dns":  # `net.dns` asks for the names of all services, and tells why
            found.append(context.skipped("link.dns", "net.dns-no-such-name", **finding.args))
        else:
            # a device that cannot be reached stops sales, a service of the configuration need not
            found.append(finding._replace(stops_sales=False))
    return found


def _probe_of(host: Host) -> PortProbe | WebProbe | tls.TlsProbe:
    if host.scheme == "tls":
        return tls.TlsProbe()
    return PortProbe() if host.scheme == "tcp" else WebProbe()
