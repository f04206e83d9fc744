"""The calls of a file as a source: the window is taken out of it, the rest is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from integrations.telephony.files.reading import read_call_file
from integrations.telephony.files.record import Rules
from integrations.telephony.source import Progress, no_progress
from supportctl.core.call import Rejected
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Csv
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline

SYSTEM = "CSV"
_EVERY = 1000  # lines between two looks at the clock


def path_of(account: Csv, surroundings: Surroundings) -> Path:
    """Return where the file is; a relative path is meant from the folder of the configuration."""
    path = Path(account.file).expanduser()
    return surroundings.folder / path if surroundings.folder and not path.is_absolute() else path


def rules_of(account: Csv, surroundings: Surroundings) -> Rules:
    """Return what the configuration says about what the file does not."""
    zone = ZoneInfo(account.timezone) if account.timezone else surroundings.timezone
    return Rules(surroundings.name, zone, surroundings.region)


class CsvSource:
    """Reads a CSV or JSON Lines file, in its own order."""

    def __init__(self, account: Csv, surroundings: Surroundings) -> None:
        self._path = path_of(account, surroundings)
        self._rules = rules_of(account, surroundings)

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`, and every line that is no call.

        When a bad line was written nobody can know, so all of them are told. Progress counts lines.

        Raises:
            UsageError: the file is not there, cannot be read, or is no list of calls.
            ServiceError: the time is over.
        """
        count = 0
        for count, call in enumerate(read_call_file(self._path, self._rules), 1):
            if count % _EVERY == 0:
                if deadline.expired:
                    raise ServiceError(Failure.RETRY, "deadline", f"after {count} lines", sent=False)
                progress(Progress(count))
            if isinstance(call, Rejected) or since <= call.started_at < until:
                yield call
        progress(Progress(count, count))
