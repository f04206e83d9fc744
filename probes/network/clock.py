"""Is this computer's clock right? NTP servers are asked, and web services for their `Date`.

A wrong clock has few symptoms of its own and many elsewhere: no certificate is valid, the marking system
refuses codes, alcohol documents carry the wrong time. The limits are those of the fiscal rules for registers.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from probes.network.clock_sources import NtpAnswer, TimeSample, ask_configured, ask_date
from probes.network.hosts import Host, parse_host, parse_hosts
from probes.network.internet import default_urls
from probes.network.together import gather
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

# The tax service takes more than 5 minutes on the slip for a violation, and a fiscal storage refuses a step
# of more than 5 minutes from its own timer (FN documentation, answer 17h); 2 minutes leave time to act.
WARNING_S, FAULT_S = 120.0, 300.0
AGREE_S = 60.0  # two sources that differ by more do not tell the same time
# Public servers of Cloudflare and of Russia's metrological institute; the NTP pool asks programs not to use
# its names as a default.
_DEFAULT_NTP = ("time.cloudflare.com", "ntp1.vniiftri.ru")
_WAIT_S = 2.5
_MAX_SOURCES = 8


class ClockJudgement(NamedTuple):
    """`offset_s`: how far the trusted `sample` is ahead of this computer; `overruled` say something else."""

    status: Status
    offset_s: float
    sample: TimeSample
    overruled: tuple[TimeSample, ...]


def judge(samples: Sequence[TimeSample]) -> ClockJudgement | None:
    """Return what the sources say together, None without any.

    NTP is believed before HTTP, whose servers nobody sets by the second. Among several of a kind the one that
    most of all sources agree with is believed, then the most exact one.
    """
    if not samples:
        return None
    candidates = [s for s in samples if s.kind == "ntp"] or list(samples)

    def weight(sample: TimeSample) -> tuple[int, float]:
        return sum(_agree(sample, other) for other in samples), -sample.within_s

    trusted = max(candidates, key=weight)
    overruled = tuple(sample for sample in samples if not _agree(sample, trusted))
    return ClockJudgement(status_of(trusted.offset_s), trusted.offset_s, trusted, overruled)


def status_of(offset_s: float) -> Status:
    """Return how bad it is that a clock is `offset_s` seconds off."""
    if abs(offset_s) >= FAULT_S:
        return Status.FAULT
    return Status.WARNING if abs(offset_s) >= WARNING_S else Status.OK


def _agree(one: TimeSample, other: TimeSample) -> bool:
    return abs(one.offset_s - other.offset_s) <= AGREE_S


def drift_args(context: ProbeContext, offset_s: float, source: str) -> dict[str, object]:
    """Return the arguments of `host.clock-drift`."""
    right = context.clock.now() + timedelta(seconds=offset_s)
    if context.settings.timezone is not None:
        right = right.astimezone(context.settings.timezone)
    minutes = round(abs(offset_s) / 60)
    return {
        "minutes": minutes,
        "offset_s": round(offset_s, 1),
        "correct": right.strftime("%d.%m.%Y %H:%M"),
        "source": source,
    }


class ClockProbe:
    """Compares this computer's clock with time servers and web services."""

    codes = frozenset({"host.clock", "host.clock-drift", "net.no-time-source"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield one finding; none if no source answers and none was configured."""
        servers = context.settings.ntp_servers or _DEFAULT_NTP
        dated = _dated(context)
        deadline = context.deadline.within(_WAIT_S)
        started = context.clock.monotonic()
        questions: list[Callable[[], NtpAnswer | TimeSample | None]] = [
            *(partial(ask_configured, server, deadline) for server in servers[:_MAX_SOURCES]),
            *(partial(ask_date, context, host, deadline) for host in dated[:_MAX_SOURCES]),
        ]
        answers = gather(questions, deadline.within(_WAIT_S))
        samples = [s for a in answers if (s := a.sample if isinstance(a, NtpAnswer) else a) is not None]
        judgement = judge(samples)
        if judgement is None:
            if context.settings.ntp_servers:
                said = [answer.outcome if isinstance(answer, NtpAnswer) else "silent" for answer in answers]
                seen = context.evidence(
                    f"NTP {', '.join(servers)}", "net.time-silent", started=started, got=", ".join(said)
                )
                yield context.unknown("net.no-time-source", seen, servers=", ".join(servers))
            return
        evidence = [_told(context, sample, judgement, started) for sample in samples]
        args = drift_args(context, judgement.offset_s, judgement.sample.source)
        if judgement.status is Status.FAULT:
            yield context.fault("host.clock-drift", *evidence, **args)
        elif judgement.status is Status.WARNING:
            yield context.warning("host.clock-drift", *evidence, **args)
        else:
            yield context.ok("host.clock", *evidence, **args)


def _dated(context: ProbeContext) -> tuple[Host, ...]:
    """The web services whose Date is asked for: the configured ones, else the well-known pages."""
    web = tuple(h for h in parse_hosts(context.settings.hosts) if h.scheme in {"http", "https", "tls"})
    urls = context.settings.connectivity_urls or default_urls()
    return web or tuple(host for url in urls if (host := parse_host(url.partition("#")[0])))


def _told(context: ProbeContext, sample: TimeSample, judgement: ClockJudgement, started: float) -> Evidence:
    asked = f"NTP {sample.source}" if sample.kind == "ntp" else f"HEAD {sample.source}"
    seconds = round(abs(sample.offset_s), 1)
    if sample in judgement.overruled:
        return context.evidence(
            asked, "net.time-overruled", started=started, got=sample.detail, seconds=seconds
        )
    if sample.offset_s < 0:
        return context.evidence(asked, "net.clock-ahead", started=started, got=sample.detail, seconds=seconds)
    return context.evidence(asked, "net.clock-behind", started=started, got=sample.detail, seconds=seconds)
