"""The records that came last: what a check looks at, without reading years of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from integrations.telephony.asterisk import lines
from integrations.telephony.asterisk.columns import epoch_of
from integrations.telephony.asterisk.leg import LegReader, RecordError
from supportctl.core.call import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integrations.telephony.asterisk.database import CdrDatabase
    from integrations.telephony.asterisk.leg import Leg
    from integrations.telephony.asterisk.source import AsteriskSource
    from supportctl.core.deadline import Deadline

COUNT = 200
_LAST_BYTES = 128 * 1024
_EVER = ("0000", "9999")
_QUARTER_S = 900
_ODD_S = 25 * 60  # so long after its channel a leg may begin in a queue; zones differ by more


class Newest(NamedTuple):
    """The last legs, newest first; the columns that the records have; what could not be read."""

    legs: tuple[Leg, ...]
    columns: frozenset[str]
    damaged: int
    example: str = ""

    @property
    def zone_error_s(self) -> int | None:
        """How far the times are ahead of those in the ids, in quarters of an hour; None if nothing tells.

        A uniqueid begins with the second at which the channel was made, in no zone.
        """
        first: dict[str, Leg] = {}
        for leg in self.legs:
            if leg.uniqueid not in first or leg.start < first[leg.uniqueid].start:
                first[leg.uniqueid] = leg
        apart = [int(leg.start.timestamp()) - made for name, leg in first.items() if (made := epoch_of(name))]
        if not apart:
            return None
        least = min(apart, key=abs)
        return 0 if abs(least) < _ODD_S else round(least / _QUARTER_S) * _QUARTER_S


def of_files(source: AsteriskSource) -> Newest:
    """Return the end of the newest file that has any.

    Raises:
        SupportctlError: there is none, or it cannot be read.
    """
    found = Newest((), frozenset(), 0)
    for path in source.files()[::-1] or [source.missing_file()]:
        layout = source.layout()
        legs: list[Leg] = []
        names: frozenset[str] = frozenset()
        damaged: list[str] = []
        for item in lines.records(path, layout.is_record, _LAST_BYTES):
            if isinstance(item, Rejected):
                damaged.append(item.args["found"])
                continue
            try:
                leg = layout.leg(item, *_EVER)
            except RecordError:
                damaged.append(",".join(item.fields)[:60])
                continue
            if leg is not None:
                legs.append(leg)
                names = frozenset(layout.columns(item.fields) or ())
        found = _made(legs, names, damaged)
        if legs or damaged:
            return found
    return found


def of_table(source: AsteriskSource, database: CdrDatabase, deadline: Deadline) -> Newest:
    """Return the last rows of the table.

    Raises:
        ServiceError: the database refuses or cannot be reached.
    """
    with database.connected(deadline) as connection:
        table = database.table(connection)
        rows = database.newest(connection, table, COUNT)
    reader = LegReader(table.known, source.time)
    legs, damaged = [], []
    for row in rows:
        try:
            legs.append(reader.read(row))
        except RecordError as error:
            damaged.append(error.args_by_name.get("found", ""))
    return _made(legs, frozenset(table.known), damaged)


def _made(legs: Iterable[Leg], names: frozenset[str], damaged: Sequence[str]) -> Newest:
    ordered = sorted(legs, key=lambda leg: leg.start, reverse=True)[:COUNT]
    return Newest(tuple(ordered), names, len(damaged), damaged[0] if damaged else "")
