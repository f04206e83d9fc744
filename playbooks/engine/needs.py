"""What a playbook needs before its first step: targets for its roles, values for its parameters, time.

The other parts of the format are in `model`.
"""

from typing import Literal

from pydantic import Field

from playbooks.engine.fields import Part
from playbooks.engine.texts import Text
from supportctl.core.fields import Duration


class Budget(Part):
    """How long a run may take, and how long without progress."""

    total: Duration = 600.0
    no_progress: Duration = 240.0


class Role(Part):
    """What the playbook needs to know the address of. `targets` of a check name roles.

    `protocols` are those of targets (escpos, shtrih, utm ...); for `crm`, `telephony`, `shop` and `trackers`
    they are kinds of accounts (none: any).
    """

    title: Text
    section: Literal["targets", "crm", "telephony", "shop"] = "targets"
    protocols: tuple[str, ...] = ()
    optional: bool = False
    many: bool = Field(default=False, description="All that fit, instead of one of them.")


class Parameter(Part):
    """A value that the person who starts the playbook may give: `--set NAME=VALUE`."""

    title: Text
    kind: Literal["text", "number", "file"] = "text"
    default: str = ""
    required: bool = False
