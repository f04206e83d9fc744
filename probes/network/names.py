"""Are names found? The system is asked first; when it fails, its DNS servers are asked directly, to tell why.

"No such name", "the DNS server does not answer" and "nothing at all answers" send different people to
different places, and the system's resolver says nearly the same for all of them.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.network import dnsquery
from probes.network.hosts import is_address, parse_hosts
from probes.network.internet import ANCHORS, NOWHERE, default_urls, url_host
from probes.network.tcp import Connect, connect
from probes.network.together import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence, Finding

_LOOKUP_S = (
    1.8  # a resolver whose first server is dead needs 5 s by default (resolv.conf(5)): that is a finding
)
_DIRECT_S, _LATE_S = 1.0, 0.2
_MAX_NAMES, _MAX_SERVERS = 16, 3

Kind = Literal["fine", "no-such-name", "failed", "server-silent", "no-internet"]


class Lookup(NamedTuple):
    """What the system found for a name; `error` is the name of getaddrinfo's error, or "late"."""

    name: str
    addresses: tuple[str, ...]
    error: str = ""


class NamesJudgement(NamedTuple):
    """`names` are those that `kind` is about."""

    kind: Kind
    names: tuple[str, ...] = ()


def judge(
    lookups: Sequence[Lookup],
    direct: Sequence[dnsquery.ServerAnswer],
    *,
    reached: bool,
    configured: bool = True,
) -> list[NamesJudgement]:
    """Return what the lookups mean.

    `reached`: some address in the internet answered without a name. `configured`: the names are the shop's
    own; of well-known ones that nobody named, a single one that is found is enough.
    """
    failed = [lookup for lookup in lookups if not lookup.addresses]
    if not failed or (not configured and len(failed) < len(lookups)):
        return [NamesJudgement("fine", tuple(lookup.name for lookup in lookups))]
    answers = {f.name: [a for a in direct if a.name == f.name] for f in failed}
    missing = tuple(name for name, asked in answers.items() if _denied(asked))
    broken = tuple(name for name in answers if name not in missing)
    asked = [answer for name in broken for answer in answers[name]]
    if not reached and len(failed) == len(lookups) and _closed(missing, broken, asked):
        return [NamesJudgement("no-internet", tuple(answers))]
    if not configured:
        # names that exist everywhere: it is the server that is wrong about them
        return [NamesJudgement("failed", tuple(answers))]
    found = [NamesJudgement("no-such-name", missing)] if missing else []
    if {"NOERROR", "silent"} <= {answer.outcome for answer in asked}:
        found.append(NamesJudgement("server-silent", broken))
    elif broken:
        found.append(NamesJudgement("failed", broken))
    return found


def _closed(missing: Sequence[str], broken: Sequence[str], asked: Sequence[dnsquery.ServerAnswer]) -> bool:
    """Whether the internet's name service is not there: all are silent, or none knows any of several."""
    if broken:
        return not missing and not any(answer.answered for answer in asked)
    return len(missing) > 1


def _denied(asked: Sequence[dnsquery.ServerAnswer]) -> bool:
    return any(a.outcome == "NXDOMAIN" for a in asked) and not any(a.outcome == "NOERROR" for a in asked)


def look_up(name: str) -> Lookup:
    """Return what the system finds for `name`. Cannot be interrupted: run it in a thread."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return Lookup(name, (), _error_name(error.errno))
    except UnicodeError:  # a label that no host name can have
        return Lookup(name, (), "EAI_NONAME")
    return Lookup(name, tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


def look_up_all(names: Sequence[str], deadline: Deadline) -> list[Lookup]:
    """Return what the system finds for each name; "late" where it had not ended when the deadline passed."""
    answers = gather([partial(look_up, name) for name in names], deadline)
    return [answer or Lookup(name, (), "late") for name, answer in zip(names, answers, strict=True)]


def _error_name(number: int | None) -> str:
    known = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
    return known.get(number, f"error {number}") if number is not None else "error"


class NamesProbe:
    """Looks up the names of the configured services, or of well-known pages if none is configured."""

    codes = frozenset(
        {"net.dns", "net.dns-failed", "net.dns-no-such-name", "net.dns-server-silent", "net.no-internet"}
    )

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield one finding for each kind of trouble; none if there is no name to look up."""
        names, configured = _names(context)
        if not names:
            return
        started = context.clock.monotonic()
        lookups = look_up_all(names, context.deadline.within(_LOOKUP_S))
        seen = [_told(context, lookup, started) for lookup in lookups]
        direct: list[dnsquery.ServerAnswer] = []
        reached = True
        failed = [lookup.name for lookup in lookups if not lookup.addresses]
        if failed and (configured or len(failed) == len(lookups)):
            started = context.clock.monotonic()
            direct, reached, anchors = _second_opinion(failed, context)
            seen += [anchors] + [
                context.evidence(
                    f"DNS {a.server} A {a.name}", "net.dns-asked-directly", started=started, got=a.outcome
                )
                for a in direct
            ]
        for judgement in judge(lookups, direct, reached=reached, configured=configured):
            yield _finding(context, judgement, seen, direct, configured=configured, all_names=names)


def _names(context: ProbeContext) -> tuple[list[str], bool]:
    settings = context.settings
    hosts = [host.name for host in parse_hosts(settings.hosts)]
    hosts += [url_host(url) for url in settings.connectivity_urls]
    configured = bool(hosts)
    if not configured:
        hosts = [url_host(url) for url in default_urls()]
    names = [name for name in dict.fromkeys(hosts) if name and not is_address(name)]
    return names[:_MAX_NAMES], configured


def _second_opinion(
    names: Sequence[str], context: ProbeContext
) -> tuple[list[dnsquery.ServerAnswer], bool, Evidence]:
    """Ask each of the system's DNS servers for each name, and addresses that need no name, all at once."""
    started = context.clock.monotonic()
    deadline = context.deadline.within(_DIRECT_S)
    places = (NOWHERE, *ANCHORS)
    rows = [(server, name) for server in dnsquery.system_servers()[:_MAX_SERVERS] for name in names]
    questions: list[Callable[[], Connect | dnsquery.ServerAnswer]] = [
        *(partial(connect, address, port, deadline) for address, port in places),
        *(partial(dnsquery.ask, server, name, deadline) for server, name in rows),
    ]
    answers = gather(questions, context.deadline.within(_DIRECT_S + _LATE_S))
    connects = [a.outcome if isinstance(a, Connect) else "timeout" for a in answers[: len(places)]]
    direct = [
        answer if isinstance(answer, dnsquery.ServerAnswer) else dnsquery.ServerAnswer(*row, "silent")
        for row, answer in zip(rows, answers[len(places) :], strict=True)
    ]
    shown = ", ".join(f"{place[0]} {outcome}" for place, outcome in zip(places, connects, strict=True))
    seen = context.evidence("TCP connect", "net.without-names", started=started, got=shown)
    # Who answers for an address that does not exist is a transparent proxy: it answers for all of them. And a
    # firewall that lets nobody out may refuse in their name, so only an open connection counts.
    reached = connects[0] != "open" and "open" in connects[1:]
    return direct, reached, seen


def _told(context: ProbeContext, lookup: Lookup, started: float) -> Evidence:
    asked = f"getaddrinfo {lookup.name}"
    if lookup.addresses:
        got = ", ".join(lookup.addresses[:4])
        return context.evidence(asked, "net.name-found", started=started, got=got, name=lookup.name)
    return context.evidence(asked, "net.name-not-found", started=started, got=lookup.error, name=lookup.name)


def _finding(
    context: ProbeContext,
    judgement: NamesJudgement,
    seen: Sequence[Evidence],
    direct: Sequence[dnsquery.ServerAnswer],
    *,
    configured: bool,
    all_names: Sequence[str],
) -> Finding:
    names = ", ".join(judgement.names)
    servers = ", ".join(dict.fromkeys(answer.server for answer in direct)) or "-"
    if judgement.kind == "fine":
        return context.ok("net.dns", *seen, names=names)
    if judgement.kind == "no-such-name":
        return context.warning("net.dns-no-such-name", *seen, names=names)
    if judgement.kind == "server-silent":
        silent = dict.fromkeys(answer.server for answer in direct if answer.outcome == "silent")
        return context.warning("net.dns-server-silent", *seen, servers=", ".join(silent))
    if judgement.kind == "no-internet":
        # pages that nobody named may be blocked by a strict but healthy network
        make = context.fault if configured else context.warning
        return make("net.no-internet", *seen, names=names)
    some_found = configured and len(judgement.names) < len(all_names)
    make = context.warning if some_found or not configured else context.fault
    return make("net.dns-failed", *seen, names=names, servers=servers)
