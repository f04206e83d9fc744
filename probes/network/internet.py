"""Is the internet open, or does a captive portal stand in the way?

A page whose answer is known is asked for over plain HTTP, because only there can a portal show itself. The
pages are those of the configuration (`network.connectivity_urls`), else the ones below that operating systems
use for the same purpose. A configured address that ends in `#text` expects this text in the answer; without
it the answer must be 204 No Content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urljoin, urlsplit

from probes.links import LinkError
from probes.network import http
from probes.network.hosts import is_here
from probes.network.proxies import proxy_for
from probes.network.together import gather
from supportctl.core.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence, Finding

# Chromium and Android, Firefox, Windows (Network Connectivity Status Indicator): three operators, so that one
# that is blocked or down does not look like "no internet".
_DEFAULT_URLS = (
    "http://connectivitycheck.gstatic.com/generate_204",
    "http://detectportal.firefox.com/success.txt#success",
    "http://www.msftconnecttest.com/connecttest.txt#Microsoft",
)
# Addresses of public name services that are the same everywhere: reachable without any name.
ANCHORS = (("77.88.8.8", 53), ("1.1.1.1", 443), ("8.8.8.8", 443))
NOWHERE = ("198.51.100.1", 443)  # RFC 5737: documentation only, nobody is there
_WAIT_S = 2.5
NETWORK_AUTHENTICATION_REQUIRED = 511  # RFC 6585, 6

Outcome = Literal["open", "portal", "odd", "dead", "no-name"]


class Page(NamedTuple):
    """How one page was answered. `portal` is where a portal sends people, `shown` what came."""

    url: str
    outcome: Outcome
    shown: str
    portal: str = ""


def default_urls() -> tuple[str, ...]:
    """Return the pages that are asked for when the configuration names none."""
    return _DEFAULT_URLS


def url_host(url: str) -> str:
    """Return the host of a URL, empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def judge_answer(url: str, answer: http.HttpAnswer) -> Page:
    """Return what the answer to a connectivity page means."""
    expected = urlsplit(url).fragment
    shown = f"HTTP {answer.status}"
    if answer.status == 200 and expected and expected.encode() in answer.body:
        return Page(url, "open", shown)
    if answer.status == 204 and not expected:
        return Page(url, "open", shown)
    location = answer.headers.get("location", "")
    if 300 <= answer.status < 400 and location:
        elsewhere = urljoin(url, location)
        shown = f"{shown} Location: {elsewhere}"
        # the same page over TLS is the site's own wish, another host is not
        return Page(url, "odd" if url_host(elsewhere) == url_host(url) else "portal", shown, elsewhere)
    if answer.status in {200, NETWORK_AUTHENTICATION_REQUIRED}:
        return Page(url, "portal", f"{shown}, {len(answer.body)} bytes of another page", url_host(url))
    return Page(url, "odd", shown)


def judge(pages: Sequence[Page]) -> Outcome:
    """Return what all answers mean together: one page as it should be is proof enough."""
    outcomes = {page.outcome for page in pages}
    order: tuple[Outcome, ...] = ("open", "portal", "odd", "dead")
    return next((outcome for outcome in order if outcome in outcomes), "no-name")


def ask_page(context: ProbeContext, url: str, deadline: Deadline) -> Page:
    """Return how a page is answered, through the system's proxy if it has one for this address."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    proxy = None if is_here(host) else proxy_for("http", host)
    wire = Target(None, "tcp", host, port)
    if proxy is not None:
        wire, path = Target(None, "tcp", proxy.host, proxy.port), parts._replace(fragment="").geturl()
    try:
        with context.opener(wire, deadline) as link:
            answer = http.exchange(link, http.request("GET", parts.netloc, path), deadline)
    except LinkError as error:
        return Page(url, "no-name" if error.code == "link.dns" else "dead", error.code)
    except http.NotHttpError as error:
        return Page(url, "odd", error.got.decode("latin-1"))
    return Page(url, "dead", "no answer") if answer is None else judge_answer(url, answer)


class InternetProbe:
    """Asks for pages whose answer is known."""

    codes = frozenset({"net.internet", "net.no-internet", "net.captive-portal"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield one finding; none where names are not found, for that is what `net.dns` reports."""
        configured = context.settings.connectivity_urls
        urls = [url for url in configured or default_urls() if url.startswith("http://") and url_host(url)]
        if not urls:
            return
        started = context.clock.monotonic()
        deadline = context.deadline.within(_WAIT_S)
        answers = gather(
            [lambda url=url: ask_page(context, url, deadline) for url in urls],  # type: ignore[misc]
            deadline.within(_WAIT_S),
            lambda page: page.outcome == "open",
        )
        pages = [page for page in answers if page is not None]
        verdict = judge(pages)
        seen = [_told(context, page, started) for page in pages]
        names = ", ".join(url_host(url) for url in urls)
        if verdict == "open":
            yield context.ok("net.internet", *seen, names=names)
        elif verdict == "portal":
            portal = next(page.portal for page in pages if page.outcome == "portal")
            yield context.fault("net.captive-portal", *seen, portal=url_host(portal) or portal)
        elif verdict == "odd":
            yield context.unknown("net.no-internet", *seen, names=names)
        elif verdict == "dead":
            # pages that nobody named may be blocked by a strict but healthy network
            make = context.fault if configured else context.warning
            yield make("net.no-internet", *seen, names=names)


def _told(context: ProbeContext, page: Page, started: float) -> Evidence:
    asked = f"GET {urlsplit(page.url)._replace(fragment='').geturl()}"
    if page.outcome == "open":
        return context.evidence(asked, "net.page-expected", started=started, got=page.shown)
    if page.outcome == "portal":
        return context.evidence(asked, "net.page-replaced", started=started, got=page.shown)
    if page.outcome == "odd":
        return context.evidence(asked, "net.page-odd", started=started, got=page.shown)
    return context.evidence(asked, "net.page-missing", started=started, got=page.shown)
