"""A day of a shop's calls: what the telephony recorded, what became of it in the CRM, and what got lost.

The same seed and the same moment give the same day. All calls lie in the opening hours of the 22 hours before
that moment, so that a comparison of the last 24 hours that starts some minutes later still sees all of them.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random  # noqa: TID251  seeded: the same day each time
from typing import TYPE_CHECKING, NamedTuple

from integrations.crm.reader import Employee
from supportctl.core.call import HIDDEN, INTERNAL, Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from integrations.lab.roles import CrmPortal, Recording, TelephonyPortal
    from supportctl.core.call import Direction

SEED = 4
CALLS = 160
SOURCE = "pbx"
OPENS, CLOSES = time(9), time(21)
LINES = ("+78120000001", "+78120000002")
CLOCK_AHEAD = timedelta(hours=3)
_REACH = timedelta(hours=22)
_QUIET = timedelta(minutes=15)  # a call that has only just ended may still be on its way: that is no gap
_ON_ITS_WAY = timedelta(seconds=20)  # what a healthy delivery takes
_LATE = timedelta(hours=3)
_TALK_S = (35, 900)
_PER_GAP = 2
_MISSING = 5
_NUMBERLESS = 2  # which of these is of a caller who hides the number: a CRM does not take it
_FIRST_ID = 900_100_200

EMPLOYEES = (
    Employee("1", "Ирина Соколова", "101"),
    Employee("7", "Анна Кузнецова", "102"),
    Employee("9", "Олег Панов", "103"),
    Employee("12", "Марат Ибрагимов", "104"),
    Employee("17", "Денис Ли", "105"),
    Employee("21", "Пётр Белов", "106", active=False),
)
_DISMISSED = EMPLOYEES[-1]
_CONTACTS = (
    "Мария Орлова",
    "ООО «Ромашка»",
    "Сергей Иванов",
    "Ольга Ким",
    "ИП Новиков",
    "Дмитрий Лебедев",
    "Елена Фёдорова",
    'Кафе "У моста" & Ко',
    "Karl Weiß",
    "Наталья Смирнова",
)

# The order is the order in which calls are taken for them.
GAPS = (
    "sync.delivered-late",
    "sync.recording-missing",
    "sync.recording-broken",
    "sync.duplicate-call",
    "sync.wrong-employee",
    "sync.no-contact",
)


class Planted(NamedTuple):
    """A gap that the day has, and the call that it is about (a phantom's own, that nobody made)."""

    code: str
    call_id: str


class Happened(NamedTuple):
    """One call of the day, its recording, and who the caller is."""

    call: Call
    recording: Recording = "none"
    contact: str = ""


class Day(NamedTuple):
    """What happened, and what is planted as a gap. `clock_ahead`: of the CRM's clock."""

    happened: tuple[Happened, ...]
    phantoms: tuple[Call, ...]
    planted: tuple[Planted, ...]
    clock_ahead: timedelta = timedelta(0)

    def gaps_of(self, call_id: str) -> frozenset[str]:
        """Return the codes of the gaps that are planted for a call."""
        return frozenset(gap.code for gap in self.planted if gap.call_id == call_id)

    def expected(self, *, verify_recordings: bool = False) -> frozenset[Planted]:
        """Return what a comparison has to find; broken recordings only if recordings are fetched."""
        return frozenset(
            gap for gap in self.planted if verify_recordings or gap.code != "sync.recording-broken"
        )


def make_day(
    now: datetime,
    zone: tzinfo | None = None,
    *,
    gaps: bool = True,
    clock_ahead: timedelta = timedelta(0),
    seed: int = SEED,
    count: int = CALLS,
) -> Day:
    """Return the day that ends at `now`, with its zone; `zone` is the shop's, else that of `now`."""
    chance = Random(seed)  # noqa: S311  a repeatable day, not a secret
    local = now.astimezone(zone or now.tzinfo)
    moments = _moments(chance, local, count)
    people = _People(chance)
    happened = tuple(
        _call(chance, people, str(_FIRST_ID + 37 * number), moment) for number, moment in enumerate(moments)
    )
    if not gaps:
        return Day(happened, (), (), clock_ahead)
    happened, planted = _with_gaps(chance, happened, local)
    phantoms = tuple(
        _phantom(number, moment, people.stranger())
        for number, moment in enumerate(_moments(chance, local, _PER_GAP))
    )
    planted += [Planted("sync.phantom-call", call.call_id) for call in phantoms]
    return Day(happened, phantoms, tuple(planted), clock_ahead)


def plant(day: Day, telephony: TelephonyPortal | None, crm: CrmPortal | None) -> None:
    """Put the day into a telephony system and a CRM."""
    if telephony is not None:
        names = {employee.extension: employee.name for employee in EMPLOYEES}
        for call, recording, _ in day.happened:
            telephony.plant(call, recording, names.get(call.employee, ""))
    if crm is not None:
        _plant_crm(day, crm)


def _plant_crm(day: Day, crm: CrmPortal) -> None:
    for employee in EMPLOYEES:
        crm.plant_employee(employee)
    ids = {employee.extension: employee.id for employee in EMPLOYEES}
    contacts: dict[str, str] = {}
    for call, recording, contact in day.happened:
        codes = day.gaps_of(call.call_id)
        if INTERNAL in call.tags or "sync.call-missing" in codes:
            continue
        if contact and call.contact_phone not in contacts:
            contacts[call.contact_phone] = crm.plant_contact(call.contact_phone, contact)
        user = ids.get(call.employee, EMPLOYEES[0].id)
        late = _LATE if "sync.delivered-late" in codes else _ON_ITS_WAY
        created = _end(call) + late + day.clock_ahead
        for copy in range(1 + ("sync.duplicate-call" in codes)):
            crm.plant_call(
                call,
                employee=_other(user) if "sync.wrong-employee" in codes else user,
                contact="" if "sync.no-contact" in codes else contacts.get(call.contact_phone, ""),
                recording=recording != "none" and "sync.recording-missing" not in codes,
                started_at=call.started_at + day.clock_ahead,
                created_at=created + copy * timedelta(minutes=2),
            )
    for call in day.phantoms:
        crm.plant_call(
            call,
            employee=ids[call.employee],
            contact=crm.plant_contact(call.contact_phone, _CONTACTS[0]),
            started_at=call.started_at + day.clock_ahead,
            created_at=_end(call) + _ON_ITS_WAY + day.clock_ahead,
        )


class _People:
    """Who calls: regulars with a name, strangers, hidden and short numbers."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._regulars = [(f"+7900{chance.randrange(10**7):07}", name) for name in _CONTACTS]
        self._regulars[8] = ("+493023125014", _CONTACTS[8])

    def stranger(self) -> str:
        return f"+7911{self._chance.randrange(10**7):07}"

    def caller(self) -> tuple[str, str]:
        """Return a phone and the name of the contact that the CRM has, or has made, for it."""
        if self._chance.random() < 0.6:
            return self._chance.choice(self._regulars)
        return self.stranger(), "Новый клиент"


def _moments(chance: Random, now: datetime, count: int) -> list[datetime]:
    """Return moments within the opening hours of the last hours, in order, to the second."""
    stretches = list(_open_hours(now))
    total = sum((end - start).total_seconds() for start, end in stretches)
    found = []
    for second in sorted(chance.sample(range(int(total)), count)):
        left = timedelta(seconds=second)
        for start, end in stretches:
            if left < end - start:
                found.append(start + left)
                break
            left -= end - start
    return found


def _open_hours(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    first, last = now - _REACH, now - _QUIET - timedelta(seconds=_TALK_S[1])
    for back in (2, 1, 0):
        day = (now - timedelta(days=back)).date()
        start = max(datetime.combine(day, OPENS, now.tzinfo), first)
        end = min(datetime.combine(day, CLOSES, now.tzinfo), last)
        if start < end:
            yield start.replace(microsecond=0), end.replace(microsecond=0)


def _call(chance: Random, people: _People, call_id: str, at: datetime) -> Happened:
    kind = chance.choices(
        ("in", "out", "missed", "no-answer", "transferred", "internal", "hidden", "short"),
        (46, 20, 12, 5, 7, 5, 3, 2),
    )[0]
    employee = chance.choice(EMPLOYEES[:-1]).extension
    phone, contact = people.caller()
    if kind == "internal":
        phone, contact = chance.choice([e.extension for e in EMPLOYEES if e.extension != employee]), ""
    elif kind == "hidden":
        phone, contact = HIDDEN, ""
    elif kind == "short":
        phone, contact = "0611", "Банк"
    direction: Direction = "out" if kind in {"out", "no-answer", "internal"} else "in"
    answered = kind not in {"missed", "no-answer"}
    talk = min(int(chance.expovariate(1 / 120)) + _TALK_S[0], _TALK_S[1]) if answered else 0
    call = Call(
        call_id,
        SOURCE,
        direction,
        at,
        talk,
        phone,
        answered,
        wait_s=chance.randint(2, 40),
        line=chance.choice(LINES),
        employee="" if kind == "missed" else employee,
        tags={"internal": (INTERNAL,), "transferred": ("transferred",)}.get(kind, ()),
    )
    return Happened(call, "sound" if answered and kind != "internal" else "none", contact)


def _phantom(number: int, at: datetime, phone: str) -> Call:
    call_id, employee = str(_FIRST_ID - 1 - number), EMPLOYEES[number].extension
    return Call(call_id, SOURCE, "in", at, 95, phone, answered=True, line=LINES[0], employee=employee)


def _with_gaps(
    chance: Random, happened: Sequence[Happened], now: datetime
) -> tuple[tuple[Happened, ...], list[Planted]]:
    """Return the calls, changed where a gap needs it, and the gaps: each call has one at most."""
    planted: list[Planted] = []
    found = {each.call.call_id: each for each in happened}
    free = [each for each in happened if each.recording == "sound" and each.contact]
    chance.shuffle(free)
    for code in GAPS:
        fit = [each for each in free if _can_be(code, each.call, now)]
        for each in fit[:_PER_GAP]:
            free.remove(each)
            planted.append(Planted(code, each.call.call_id))
    for number, gap in enumerate(g for g in planted if g.code == "sync.recording-broken"):
        found[gap.call_id] = found[gap.call_id]._replace(recording=("broken", "gone")[number % 2])
    for number, each in enumerate(free[:_MISSING]):
        # The CRM takes no call of an employee who has left: the oldest reason for calls that get lost.
        if number < 2 and each.call.direction == "in":
            call = each.call._replace(employee=_DISMISSED.extension)
            found[call.call_id] = each._replace(call=call)
        if number == _NUMBERLESS:
            call = each.call._replace(direction="in", contact_phone=HIDDEN)
            found[call.call_id] = Happened(call, each.recording, "")
        planted.append(Planted("sync.call-missing", each.call.call_id))
    unanswered = [e for e in happened if not e.call.answered and e.call.direction == "in"]
    planted += [Planted("sync.call-missing", each.call.call_id) for each in unanswered[:1]]
    return tuple(found.values()), planted


def _can_be(code: str, call: Call, now: datetime) -> bool:
    if code == "sync.delivered-late":
        return _end(call) + _LATE < now - _QUIET
    if code == "sync.no-contact":  # a short number needs no card: nobody would miss it
        return call.contact_phone.startswith("+")
    return True


def _end(call: Call) -> datetime:
    return call.started_at + timedelta(seconds=call.duration_s + (call.wait_s or 0))


def _other(employee: str) -> str:
    ids = [each.id for each in EMPLOYEES if each.active]
    return ids[(ids.index(employee) + 1) % len(ids)]
