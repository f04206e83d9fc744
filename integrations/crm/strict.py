"""Records of others whose fields are not what was documented: told with their place, never a crash."""

from __future__ import annotations

from supportctl.core.call import Rejected


class UnreadableError(ValueError):
    """A field that is needed is missing or of another type; its name is the argument."""


def rejected(position: int, error: UnreadableError) -> Rejected:
    """Return what is told of a record that could not be read; `position` counts from 1."""
    return Rejected(position, "crm.record-unreadable", {"field": str(error)})


def web_link(text: str) -> str | None:
    """Return an address that may be fetched, None for anything else."""
    return text if text.startswith(("https://", "http://")) else None
