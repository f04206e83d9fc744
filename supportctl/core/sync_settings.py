"""How calls are compared with the CRM: section `sync:` of the configuration (docs/sync.md)."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from supportctl.core.accounts import Strict
from supportctl.core.fields import Duration, Name

_MAX_PATTERN = 100


def _pattern(value: object) -> object:
    """A number that is written without quotes is the text that was written."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _short(value: str) -> str:
    if len(value) > _MAX_PATTERN or not value.isprintable():
        raise PydanticCustomError("config.bad-glob", "pattern", {"found": value[:_MAX_PATTERN]})
    return value


Pattern = Annotated[str, BeforeValidator(_pattern), AfterValidator(_short)]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1)]
_GLOB = " `*` is any text, `?` any character."


class ExcludeRule(Strict):
    """Calls that are not expected in the CRM: all conditions of a rule must hold, one value of each list."""

    name: Name = Field(description="What the calls are counted under.")
    internal: bool | None = Field(default=None, description="Calls between two employees, or all others.")
    hidden: bool | None = Field(default=None, description="Callers who hide their number, or all others.")
    answered: bool | None = Field(default=None, description="Whether somebody answered.")
    direction: Literal["in", "out"] | None = None
    shorter_than: Duration | None = Field(default=None, description="Talk shorter than this.")
    tags: Patterns | None = Field(default=None, description="Tags of the telephony." + _GLOB)
    lines: Patterns | None = Field(default=None, description="The company's own numbers." + _GLOB)
    employees: Patterns | None = Field(default=None, description="Extensions or ids." + _GLOB)
    phones: Patterns | None = Field(default=None, description="Numbers of the other side: +7495*." + _GLOB)

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if all(value is None for name, value in self if name != "name"):
            raise PydanticCustomError("config.empty-rule", "rule", {"found": self.name})
        return self


_DEFAULT_RULES = (ExcludeRule(name="internal", internal=True),)


class SyncSettings(Strict):
    """When a call counts as found, missing or late, and which calls are not expected in the CRM."""

    tolerance: Annotated[Duration, Field(gt=0, le=3600)] = Field(
        default=60.0, description="How far the times of one call may lie apart when the clocks agree."
    )
    late_after: Annotated[Duration, Field(gt=0)] = Field(
        default=900.0, description="A call that gets into the CRM later than this after its end is late."
    )
    min_recording_s: int = Field(
        default=5, ge=0, le=86400, description="A shorter talk needs no recording; in seconds."
    )
    settle: Annotated[Duration, Field(ge=0)] = Field(
        default=600.0, description="A call that ended less than this ago may still be on its way."
    )
    exclude: tuple[ExcludeRule, ...] = Field(
        default=_DEFAULT_RULES, description="Calls that are not expected in the CRM."
    )
    employees: dict[str, int | str] = Field(
        default_factory=dict, description="Extension or id of the telephony: id of the CRM's user."
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        seen: set[str] = set()
        for rule in self.exclude:
            if rule.name in seen:
                raise PydanticCustomError("config.same-rule", "rule", {"found": rule.name})
            seen.add(rule.name)
        return self
