"""Which deliveries somebody means, as conditions of plain SQL and of SQLAlchemy's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlalchemy as sa

    from resend.model import State

_LIKE = re.compile("[%_/]")  # what means something to LIKE, and what escapes it


class Filter(NamedTuple):
    """Which deliveries are meant; empty parts mean all. `since` and `until` are of the calls' beginnings."""

    ids: tuple[int, ...] = ()
    destination: str | None = None
    states: tuple[State, ...] = ()
    source: str | None = None
    call_id: str | None = None
    since: float | None = None
    until: float | None = None
    error: str | None = None  # the beginning of an error's code
    fingerprint: str | None = None

    def conditions(self, table: str) -> list[str]:
        """Return the conditions on deliveries, called `table` there; `values` are their parameters."""
        parts = [
            (self.ids, one_of(f"{table}.id", "wanted_id", len(self.ids))),
            (self.destination, f"{table}.destination = :wanted_destination"),
            (self.states, one_of(f"{table}.state", "wanted_state", len(self.states))),
            (self.source, f"{table}.source = :wanted_source"),
            (self.call_id, f"{table}.call_id = :wanted_call"),
            (self.since is not None, f"{table}.started_at >= :wanted_since"),
            (self.until is not None, f"{table}.started_at < :wanted_until"),
            (self.error, f"{table}.error_code LIKE :wanted_error ESCAPE '/'"),
            (self.error, f"{table}.error_code != ''"),  # so that its index is found
            (self.fingerprint, f"{table}.fingerprint = :wanted_fingerprint"),
            (self.fingerprint, f"{table}.fingerprint != ''"),  # so that its index is found
        ]
        return [clause for given, clause in parts if given]

    @property
    def values(self) -> dict[str, object]:
        """The parameters of `conditions`."""
        parts = {
            "wanted_destination": self.destination,
            "wanted_source": self.source,
            "wanted_call": self.call_id,
            "wanted_since": self.since,
            "wanted_until": self.until,
            "wanted_error": _LIKE.sub(r"/\g<0>", self.error) + "%" if self.error else None,
            "wanted_fingerprint": self.fingerprint,
        }
        return {
            **{f"wanted_id{number}": each for number, each in enumerate(self.ids)},
            **{f"wanted_state{number}": each.value for number, each in enumerate(self.states)},
            **{name: value for name, value in parts.items() if value is not None},
        }

    def clauses(self) -> list[sa.TextClause]:
        """Return the conditions for a statement of SQLAlchemy's."""
        import sqlalchemy as sa  # noqa: PLC0415  those who only look do without it

        conditions = " AND ".join(self.conditions("deliveries"))
        return [sa.text(conditions).bindparams(**self.values)] if conditions else []


def one_of(column: str, name: str, count: int) -> str:
    """Return that a column is one of `count` values; their parameters are called `name` and a number."""
    return f"{column} IN ({', '.join(f':{name}{number}' for number in range(count))})"
