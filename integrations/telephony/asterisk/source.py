"""The calls of an Asterisk: records of a file or of a table, streamed, put together to calls."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integrations.telephony.asterisk import columns, lines
from integrations.telephony.asterisk.grouping import Grouper, Late
from integrations.telephony.asterisk.leg import LegReader, RecordError
from integrations.telephony.asterisk.local_time import LocalTime
from integrations.telephony.asterisk.recordings import locator
from integrations.telephony.asterisk.story import Narrator, Rules
from integrations.telephony.source import Progress, no_progress
from supportctl.core.call import Call, Rejected
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from integrations.checking import Surroundings
    from integrations.telephony.asterisk.database import CdrDatabase
    from integrations.telephony.asterisk.leg import Leg
    from supportctl.core.accounts import Asterisk
    from supportctl.core.deadline import Deadline

SETTLE_FILE = timedelta(
    hours=4
)  # records are written when a leg ends: the first and the last lie that far apart
SETTLE_TABLE = timedelta(minutes=15)  # rows are sorted by start: a leg begins before the one before it ends
BEFORE = timedelta(hours=4)  # a call that began earlier may have legs in the window
AFTER = timedelta(hours=12)  # and one that began in it may have legs later
_OLD_FILE = timedelta(days=2)
_EVERY = 1000


def local_time(account: Asterisk, surroundings: Surroundings) -> LocalTime:
    """Return the zone of the records: UTC, the account's, the site's, else this computer's."""
    from datetime import UTC
    from zoneinfo import ZoneInfo

    if account.utc:
        return LocalTime(UTC)
    return LocalTime(ZoneInfo(account.timezone) if account.timezone else surroundings.timezone)


class AsteriskSource:
    """Reads Master.csv (and its rotated files) or a table of records."""

    def __init__(self, account: Asterisk, surroundings: Surroundings) -> None:
        self.account = account
        self.surroundings = surroundings
        self.time = local_time(account, surroundings)
        self._narrator = Narrator(
            Rules(
                source=surroundings.name,
                extensions=re.compile(account.extensions),
                trunks=account.trunks,
                inbound=account.inbound,
                outbound=account.outbound,
                outside_prefix=account.outside_prefix,
                region=surroundings.region,
                time=self.time,
                recording=locator(account.recordings, self.time, surroundings.folder),
            )
        )

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`; within some hours they are in order.

        A line that is no record is yielded as `Rejected`, wherever in the files it stands: nobody can know
        when it was written. Progress counts records.

        Raises:
            ServiceError: the database refuses or cannot be reached, or the time is over.
            SupportctlError: the file cannot be read, or the database's driver is missing.
        """
        if self.account.database is not None:
            yield from self._from_table(since, until, deadline, progress)
        else:
            yield from self._from_files(since, until, deadline, progress)

    def database(self) -> CdrDatabase:
        """Return the database that the account names.

        Raises:
            UsageError: its address is none, or its driver is missing.
        """
        from integrations.telephony.asterisk.database import CdrDatabase

        address = self.surroundings.resolve(self.account.database or "")
        return CdrDatabase(address, self.account.table, self.time, self.surroundings.folder)

    def files(self) -> list[Path]:
        """Return the files that the account names, oldest first."""
        return lines.files_of(self.account.file or "", self.surroundings.folder)

    def missing_file(self) -> Path:
        """Return the path that no file has: who opens it is told what is missing."""
        from pathlib import Path as RealPath

        return (self.surroundings.folder or RealPath()) / (self.account.file or "")

    def layout(self) -> Layout:
        """Return what tells the columns of a record."""
        return Layout(self.account.columns, self.time)

    def _from_files(
        self, since: datetime, until: datetime, deadline: Deadline, progress: Callable[[Progress], None]
    ) -> Iterator[Call | Rejected]:
        # bounds as texts: most lines of a long file are passed over without being understood
        first = self.time.text(since - BEFORE - timedelta(hours=2))
        last = self.time.text(until + AFTER)
        grouper = Grouper(SETTLE_FILE)
        files = self.files() or [self.missing_file()]
        done = 0
        for path in files:
            if len(files) > 1 and _last_written(path) < (since - _OLD_FILE).timestamp():
                continue
            layout = self.layout()
            for item in lines.records(path, layout.is_record):
                done += 1
                if not done % _EVERY:
                    progress(Progress(done))
                    _in_time(deadline)
                if isinstance(item, Rejected):
                    yield item
                    continue
                try:
                    leg = layout.leg(item, first, last)
                except RecordError as error:
                    yield Rejected(item.line, error.reason, error.args_by_name)
                    continue
                if leg is not None:
                    yield from self._told(_grouped(grouper, leg, leg.end, item.line), since, until)
        yield from self._told(grouper.rest(), since, until)
        progress(Progress(done, done))

    def _from_table(
        self, since: datetime, until: datetime, deadline: Deadline, progress: Callable[[Progress], None]
    ) -> Iterator[Call | Rejected]:
        database = self.database()
        grouper = Grouper(SETTLE_TABLE)
        number = 0
        with database.connected(deadline) as connection:
            table = database.table(connection)
            reader = LegReader(table.known, self.time)
            for row in database.rows(connection, table, since - BEFORE, until + AFTER):
                number += 1
                if not number % _EVERY:
                    progress(Progress(number))
                    _in_time(deadline)
                try:
                    leg = reader.read(row)
                except RecordError as error:
                    yield Rejected(number, error.reason, error.args_by_name)
                    continue
                if leg.start < until or leg.key in grouper:
                    yield from self._told(_grouped(grouper, leg, leg.start, number), since, until)
                elif len(grouper):
                    yield from self._told(grouper.pass_by(leg.start), since, until)
                else:
                    break  # every call that began in the window is complete
        yield from self._told(grouper.rest(), since, until)
        progress(Progress(number, number))

    def _told(
        self, found: Iterable[list[Leg] | Rejected], since: datetime, until: datetime
    ) -> Iterator[Call | Rejected]:
        for item in found:
            if isinstance(item, Rejected):
                yield item
            elif since <= item[0].start < until:
                yield self._narrator.call(item)


class Layout:
    """Tells the columns of the records of one file: they may change in the middle of it, with cdr.conf."""

    def __init__(self, named: Sequence[str] | None, time: LocalTime) -> None:
        self._named = tuple(named) if named else None
        self._time = time
        self._readers: dict[tuple[str, ...], LegReader] = {}
        self._by_header = False
        self._last: tuple[str, ...] | None = None

    def columns(self, fields: Sequence[str]) -> tuple[str, ...] | None:
        """Return the columns of a record, None if it is none."""
        if self._named is not None:
            return self._named if len(fields) == len(self._named) else None
        return columns.columns_of(fields)

    def is_record(self, fields: list[str]) -> bool:
        """Return whether fields are a record that can be used."""
        try:
            return self._read(fields) is not None
        except RecordError:
            return False

    def leg(self, record: lines.Record, first: str, last: str) -> Leg | None:
        """Return the leg of a record; None for the header, and outside of `first` to `last`.

        Raises:
            RecordError: it is none.
        """
        fields = record.fields
        if record.line == 1 and (named := columns.header(fields)):
            self._named = self._named or named
            return None
        known = self.columns(fields)
        if record.unfinished and (known is None or known != (self._last or known)):
            return None  # the writer is in the middle of it
        if known is None:
            expected = len(self._named) if self._named else "16-21"
            raise RecordError("cdr.columns", found=len(fields), expected=expected)
        self._last = known
        start = self._reader(known).start(fields)
        if isinstance(start, str) and _is_time(start) and not first <= start <= last:
            return None
        return self._read(fields)

    def _read(self, fields: Sequence[Any]) -> Leg | None:
        known = self.columns(fields)
        return None if known is None else self._reader(known).read(fields)

    def _reader(self, known: tuple[str, ...]) -> LegReader:
        reader = self._readers.get(known)
        if reader is None:
            reader = self._readers[known] = LegReader(known, self._time)
        return reader


def _is_time(text: str) -> bool:
    return text[4:5] == "-" and text[10:11] == " " and text[:4].isdigit()


def _grouped(grouper: Grouper, leg: Leg, moment: datetime, line: int) -> Sequence[list[Leg] | Rejected]:
    try:
        return grouper.add(leg, moment)
    except Late:
        return [Rejected(line, "cdr.late-leg", {"found": leg.key})]


def _in_time(deadline: Deadline) -> None:
    if deadline.expired:
        raise ServiceError(Failure.RETRY, "deadline", sent=False)


def _last_written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")  # the reading says what is wrong
