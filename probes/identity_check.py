"""Is this the device that the configuration means? Two printers may have swapped their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_UNIT = "device.other-unit"


def other_unit(finding: Finding, expect: Mapping[str, str]) -> Finding | None:
    """Return a warning if a device names another model or serial number than `expect` does, else None.

    Looks at the findings that name a device: their arguments are `model` and `serial`. What a device does
    not tell is not compared.
    """
    if finding.status is not Status.OK:
        return None
    for part in ("model", "serial"):
        expected, told = expect.get(part, ""), str(finding.args.get(part, ""))
        if not expected or told in {"", "?"}:
            continue
        same = expected.casefold() in told.casefold() if part == "model" else expected == told
        if not same:
            args = {"told": told, "expected": expected}
            return finding._replace(code=OTHER_UNIT, status=Status.WARNING, args=args)
    return None
