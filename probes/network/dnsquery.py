"""One DNS question to one server (RFC 1035), over UDP and again over TCP if the answer was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline

PORT = 53


class ServerAnswer(NamedTuple):
    """`outcome` is the response code (NOERROR, NXDOMAIN, ...), "silent", "unreachable" or "garbled"."""

    server: str
    name: str
    outcome: str
    addresses: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether a DNS server said anything at all."""
        return self.outcome not in {"silent", "unreachable"}


def system_servers() -> list[str]:
    """Return the DNS servers that this system is set to use: resolv.conf, or Windows's registry."""
    import dns.resolver

    try:
        return [str(server) for server in dns.resolver.Resolver().nameservers]
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []


def ask(server: str, name: str, deadline: Deadline, *, port: int = PORT, kind: str = "A") -> ServerAnswer:
    """Return what `server` (an IP address) says of `name`."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode

    try:
        question = dns.message.make_query(name, kind)
        answer, _by_tcp = dns.query.udp_with_fallback(
            question, server, timeout=max(deadline.remaining(), 0.001), port=port, ignore_unexpected=True
        )
    except dns.exception.Timeout:
        return ServerAnswer(server, name, "silent")
    except OSError:
        return ServerAnswer(server, name, "unreachable")
    except (dns.exception.DNSException, ValueError):
        return ServerAnswer(server, name, "garbled")
    addresses = tuple(
        record.to_text() for rrset in answer.answer for record in rrset if rrset.rdtype.name in {"A", "AAAA"}
    )
    return ServerAnswer(server, name, dns.rcode.to_text(answer.rcode()), addresses)
