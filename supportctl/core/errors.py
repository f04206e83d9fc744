"""The errors of supportctl itself. They carry a key and arguments; the catalogue has the sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_FAULT = 3
EXIT_WARNING = 4
EXIT_UNKNOWN = 5
EXIT_HANDED_OVER = 6


class SupportctlError(Exception):
    """Something that supportctl itself cannot do.

    `key` names the texts in `catalog/*/errors.toml` (message, expected, found, hint); the arguments are
    made safe to show here, once.
    """

    exit_code = EXIT_FAILED

    def __init__(self, key: str, /, **args: object) -> None:
        super().__init__(key)
        self.key = key
        self.args_by_name: Mapping[str, str] = {name: clean(value, 500) for name, value in args.items()}

    def __str__(self) -> str:
        inner = ", ".join(f"{name}={value}" for name, value in self.args_by_name.items())
        return f"{self.key} ({inner})" if inner else self.key


class UsageError(SupportctlError):
    """Wrong usage or configuration: the person who typed it mends it."""

    exit_code = EXIT_USAGE
