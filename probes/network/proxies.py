"""The system's proxy: is one set, does it answer, and does it stand between the till and its own services?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from probes.links import LinkError
from probes.network.hosts import is_here, is_nearby
from probes.network.together import gather
from supportctl.core.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_WAIT_S = 2.5
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
_WEB = ("http", "https")


class Proxy(NamedTuple):
    """A proxy for the URLs of `scheme`; a user and password in its setting are left out."""

    scheme: str
    host: str
    port: int


def parse_proxies(settings: Mapping[str, str]) -> list[Proxy]:
    """Return the proxies in `settings`, as `urllib.request.getproxies` gives them; "no" is no proxy."""
    found = []
    for scheme, value in sorted(settings.items()):
        if scheme == "no" or not value:
            continue
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            port = parts.port
        except ValueError:
            continue
        if parts.hostname:
            found.append(Proxy(scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme, 8080)))
    return found


def system_proxies() -> list[Proxy]:
    """Return the proxies of the environment, or of Windows's registry."""
    import urllib.request

    return parse_proxies(urllib.request.getproxies())


def proxy_for(scheme: str, host: str) -> Proxy | None:
    """Return the proxy that the system uses for `host`, None if it goes there directly."""
    import urllib.request

    if urllib.request.proxy_bypass(host):
        return None
    found = {proxy.scheme: proxy for proxy in system_proxies()}
    return found.get(scheme) or found.get("all")


def in_the_way(proxies: Iterable[Proxy], hosts: Iterable[str], bypassed: Callable[[str], bool]) -> list[str]:
    """Return the local ones of `hosts` that programs would ask for through a proxy, in vain."""
    if not any(proxy.scheme in {*_WEB, "all"} for proxy in proxies):
        return []
    local = [host for host in dict.fromkeys(hosts) if is_here(host) or is_nearby(host)]
    return [host for host in local if not bypassed(host)]


class ProxyProbe:
    """Reads the system's proxy settings and connects to each proxy."""

    codes = frozenset({"net.proxy-settings", "net.proxy", "net.proxy-local"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield a finding for each proxy that does not answer, and one for local services behind a proxy."""
        import urllib.request

        started = context.clock.monotonic()
        proxies = system_proxies()
        shown = ", ".join(f"{proxy.scheme}={proxy.host}:{proxy.port}" for proxy in proxies) or "-"
        seen = context.evidence("system proxy settings", "net.proxies", started=started, got=shown)
        broken = yield from _silent_proxies(context, proxies)
        local = in_the_way(
            proxies, context.settings.web_hosts, lambda h: bool(urllib.request.proxy_bypass(h))
        )
        if local:
            yield context.warning("net.proxy-local", seen, hosts=", ".join(local))
        if not broken and not local:
            yield context.ok("net.proxy-settings", seen, proxies=shown)


def _silent_proxies(context: ProbeContext, proxies: Iterable[Proxy]) -> Generator[Finding, None, bool]:
    addresses = list(dict.fromkeys((proxy.host, proxy.port) for proxy in proxies))
    deadline = context.deadline.within(_WAIT_S)

    def ask(host: str, port: int) -> LinkError | bool:
        try:
            context.opener(Target(None, "tcp", host, port), deadline).close()
        except LinkError as error:
            return error
        return True

    asks = [lambda h=h, p=p: ask(h, p) for h, p in addresses]
    broken = False
    for (host, port), answer in zip(addresses, gather(asks, deadline.within(_WAIT_S + 0.2)), strict=True):
        if answer is not True:
            broken = True
            evidence = answer.evidence if isinstance(answer, LinkError) else ()
            yield context.fault("net.proxy", *evidence, proxy=f"{host}:{port}")
    return broken
