"""The sections `redaction` and `bundle` of `supportctl.yaml`: what support may see, and where logs lie."""

from typing import Literal

from pydantic import Field

from supportctl.core.accounts import Strict

_Kept = Literal["partial", "keep", "remove"]


class RedactionSettings(Strict):
    """What becomes of people in a bundle. Secrets and card numbers are removed whatever stands here."""

    phones: _Kept = Field(
        default="partial", description="Telephone numbers; partial: the first and last digits."
    )
    names: _Kept = Field(default="partial", description="Names and mail addresses; partial: the initials.")


class BundleSettings(Strict):
    """What a bundle holds besides what supportctl knows."""

    logs: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Log files of which the ends are packed: of the till program, of drivers.",
    )
