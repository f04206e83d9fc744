"""The legs of one call -> the call: who called whom, who answered, how long it took.

Asterisk has no field for the direction. It is taken, in this order, from the trunks and contexts that the
account names, from the name of the channel (PJSIP/101-0000002a is an extension, PJSIP/operator-0000002b is
not), and from the numbers.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from integrations.phones import normalise
from supportctl.core.call import INTERNAL, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integrations.telephony.asterisk.leg import Leg
    from integrations.telephony.asterisk.local_time import LocalTime

TRANSFERRED = "transferred"
QUEUE = "queue"
VOICE_MAIL = "voice-mail"
_TAGS = ((QUEUE, "queue"), (VOICE_MAIL, "voicemail"))  # tag, name of the application
_CONFERENCES = frozenset({"confbridge", "meetme"})
_SUFFIX = re.compile(r"-[0-9a-f]{6,16}$")  # what makes the name of a channel unique
_NUMBER = re.compile(r"[+\d*#() -]{1,40}")
_OUTSIDE_DIGITS = 6  # an outside prefix stands before at least so many
_CACHED = 4096


class Rules(NamedTuple):
    """What an account says about its exchange."""

    source: str
    extensions: re.Pattern[str]
    trunks: tuple[str, ...]
    inbound: tuple[str, ...]
    outbound: tuple[str, ...]
    outside_prefix: str
    region: str | None
    time: LocalTime
    recording: Callable[[Sequence[Leg]], str | None]


class Party(NamedTuple):
    """One end of a channel: an extension, a line to the outside, or neither is known."""

    extension: str = ""
    trunk: bool = False  # one that the account names
    local: bool = False  # half of a channel inside Asterisk: not the end of anything


class Narrator:
    """Tells calls by one account's rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._party = lru_cache(_CACHED)(self._look_up)

    def call(self, legs: Sequence[Leg]) -> Call:
        """Return the call that these legs are; they are sorted by start."""
        if len(legs) > 1:
            legs = list(dict.fromkeys(legs))  # a record that two copies of a file have
        first = next((leg for leg in legs if leg.uniqueid == leg.key), legs[0])
        caller = self.party(first.channel)
        begun = min(leg.start for leg in legs)
        talks = self._talks(legs)
        tags = _tags(legs)
        if self._is_incoming(first, caller):
            employees = self._answered_by(talks) or self._only_one_rung(legs)
            employee = employees[-1] if employees else ""  # who spoke last is who has the call now
            contact, line = self._phone(first.src), self._own_number(first)
            incoming = True
        else:
            own = caller.extension or self.extension(first.src) or self.extension(first.cnum)
            others = [name for name in self._answered_by(talks) if name != own]
            internal = self._is_internal(first, legs)
            employees = [own] if internal else [own, *others]
            employee = own
            contact = self._dialled(first.dst)
            line = "" if internal else self._shown_number(first)
            incoming = False
            tags = [INTERNAL, *tags] if internal else tags
        talked = _covered([(leg.answer or leg.start, leg.end) for leg in talks])
        duration = talks[0].talk_s if len(talks) == 1 else talked
        waited_until = min((leg.answer or leg.start for leg in talks), default=max(leg.end for leg in legs))
        if len(employees) > 1:
            tags.append(TRANSFERRED)
        return Call(
            call_id=first.key,
            source=self._rules.source,
            direction="in" if incoming else "out",
            started_at=begun,
            duration_s=duration,
            contact_phone=contact,
            answered=bool(talks),
            wait_s=max(int((waited_until - begun).total_seconds()), 0),
            line=line,
            employee=employee,
            recording_url=self._rules.recording(legs) if talks or VOICE_MAIL in tags else None,
            tags=tuple(tags),
            raw=_raw(legs, employees),
        )

    def party(self, channel: str) -> Party:
        """Return who is at the end of a channel, by its name."""
        return self._party(_SUFFIX.sub("", channel.partition(";")[0]))

    def extension(self, number: str) -> str:
        """Return the inner number that a text is, "" if it is none."""
        match = self._rules.extensions.fullmatch(number[:40]) if number else None
        if match is None:
            return ""
        return (match[1] or match[0]) if match.re.groups else match[0]

    def _look_up(self, name: str) -> Party:
        technology, _, peer = name.partition("/")
        if technology == "Local":
            return Party(self.extension(peer.partition("@")[0]), local=True)
        if any(fnmatchcase(peer, trunk) or fnmatchcase(name, trunk) for trunk in self._rules.trunks):
            return Party(trunk=True)
        return Party(self.extension(peer))

    def _is_incoming(self, first: Leg, caller: Party) -> bool:
        if caller.trunk:
            return True
        if _matches(first.dcontext, self._rules.inbound):
            return True
        if _matches(first.dcontext, self._rules.outbound) or caller.extension:
            return False
        return not (self.extension(first.src) or self.extension(first.cnum))

    def _is_internal(self, first: Leg, legs: Sequence[Leg]) -> bool:
        if _matches(first.dcontext, self._rules.outbound):
            return False
        ends = [self.party(leg.dstchannel) for leg in legs if leg.dstchannel]
        if any(end.trunk for end in ends):
            return False
        if self.extension(first.dst):
            return True
        if any(not (end.extension or end.local) for end in ends):
            return False
        return not _NUMBER.fullmatch(first.dst) or first.dst.startswith("*")

    def _talks(self, legs: Sequence[Leg]) -> list[Leg]:
        """Return the legs in which two people spoke.

        A leg that Asterisk answered itself (menu, music, mailbox) has nobody at its other end. Of a channel
        within Asterisk (Local) that half counts which leads to a telephone: only a person answers it.
        """
        talks = [
            leg
            for leg in legs
            if leg.answered
            and (leg.dstchannel or not leg.two_sided or _is_conference(leg))
            and leg.lastapp.lower() != "voicemail"
        ]
        real = [leg for leg in talks if not self.party(leg.dstchannel).local]
        talks = real or talks
        inner = [leg for leg in talks if self.party(leg.channel).local]
        reached = {_peer(leg.dstchannel) for leg in inner}
        talks = [leg for leg in talks if leg in inner or _peer(leg.dstchannel) not in reached]
        return sorted(talks, key=lambda leg: (leg.answer or leg.start, leg.sequence))

    def _answered_by(self, talks: Sequence[Leg]) -> list[str]:
        """Return the extensions that spoke, each once, in the order of their last turn."""
        found: dict[str, None] = {}
        for leg in talks:
            end = self.party(leg.dstchannel)
            name = end.extension or ("" if end.trunk or _is_conference(leg) else self.extension(leg.dst))
            if name:
                found.pop(name, None)
                found[name] = None
        return list(found)

    def _only_one_rung(self, legs: Sequence[Leg]) -> list[str]:
        rung = {end.extension for leg in legs if (end := self.party(leg.dstchannel)).extension}
        return list(rung) if len(rung) == 1 else []

    def _phone(self, number: str) -> str:
        return normalise(number, self._rules.region)

    def _dialled(self, number: str) -> str:
        prefix = self._rules.outside_prefix
        if prefix and number.startswith(prefix) and len(number) >= len(prefix) + _OUTSIDE_DIGITS:
            number = number.removeprefix(prefix)
        return self._phone(number) if _NUMBER.fullmatch(number) and not number.startswith("*") else ""

    def _own_number(self, first: Leg) -> str:
        number = first.did or first.dst
        return "" if self.extension(number) or not _NUMBER.fullmatch(number) else self._phone(number)

    def _shown_number(self, first: Leg) -> str:
        number = first.outbound_cnum or first.src
        return "" if self.extension(number) or not _NUMBER.fullmatch(number) else self._phone(number)


def _is_conference(leg: Leg) -> bool:
    return leg.lastapp.lower() in _CONFERENCES


def _matches(context: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(context, pattern) for pattern in patterns)


def _peer(channel: str) -> str:
    return _SUFFIX.sub("", channel.partition(";")[0])


def _tags(legs: Sequence[Leg]) -> list[str]:
    applications = {leg.lastapp.lower() for leg in legs}
    return [tag for tag, name in _TAGS if name in applications]


def _raw(legs: Sequence[Leg], employees: Sequence[str]) -> dict[str, object] | None:
    """Return what a CRM may have kept instead of our id: the ids of the other legs; and who spoke before."""
    ids = list(dict.fromkeys(leg.uniqueid for leg in legs if leg.uniqueid and leg.uniqueid != leg.key))
    raw: dict[str, object] = {"uniqueids": ids} if ids else {}
    if len(employees) > 1:
        raw["employees"] = list(employees)
    return raw or None


def _covered(spans: Sequence[tuple[datetime, datetime]]) -> int:
    """Return how many seconds are covered by spans that may overlap; they are sorted."""
    total, until = 0.0, None
    for begin, end in spans:
        start = begin if until is None else max(begin, until)
        if end > start:
            total += (end - start).total_seconds()
            until = end
    return int(total)
