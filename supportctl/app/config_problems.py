"""What is wrong with a configuration, each problem with its place; and its meaning when nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from supportctl.core.errors import UsageError
from supportctl.core.fields import IsSecret, address_holds_secret
from supportctl.core.nearest import nearest
from supportctl.core.secrets import is_reference
from supportctl.core.site import SiteConfig
from supportctl.reading.problems import Problem, Told, from_pydantic, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.reading.yaml_tree import Node

# pydantic's name of a problem -> the key of our texts
_KEYS = {
    "missing": "config.missing-key",
    "union_tag_not_found": "config.missing-key",
    "union_tag_invalid": "config.unknown-kind",
    "literal_error": "config.not-one-of",
    "int_parsing": "config.not-a-number",
    "int_type": "config.not-a-number",
    "int_from_float": "config.not-a-number",
    "greater_than_equal": "config.out-of-range",
    "less_than_equal": "config.out-of-range",
    "bool_parsing": "config.not-a-switch",
    "bool_type": "config.not-a-switch",
    "tuple_type": "config.not-a-list",
    "list_type": "config.not-a-list",
    "dict_type": "config.not-a-section",
    "model_type": "config.not-a-section",
    "model_attributes_type": "config.not-a-section",
    "string_type": "config.not-a-text",
}
_TOLD = Told(SiteConfig, _KEYS, "config.bad-value", "config.unknown-key")


def understand(tree: Node) -> tuple[SiteConfig | None, tuple[Problem, ...]]:
    """Return the configuration (None if a problem is an error) and the problems in the order of the file."""
    try:
        config = SiteConfig.model_validate(tree.plain())
    except ValidationError as error:
        return None, in_order(from_pydantic(error, tree, _TOLD))
    problems = [*_bad_targets(config, tree), *_inconsistent(config, tree)]
    if not problems:
        return config, in_order(_warnings(config, tree))
    return None, in_order(problems)


def _bad_targets(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    for number, entry in enumerate(config.targets):
        try:
            entry.target()
        except UsageError as error:
            yield Problem(error.key, *tree.place_of(("targets", number, "url")), error.args_by_name)


def _inconsistent(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, entry in enumerate(config.targets):
        place = tree.place_of(("targets", number, "name"))
        folded = entry.name.casefold()
        if folded in seen:
            yield Problem("config.same-name", *place, {"found": entry.name, "first": seen[folded]})
        seen.setdefault(folded, place.line)
    tracker = config.escalation.tracker
    if tracker is not None and tracker not in config.trackers:
        place = tree.place_of(("escalation", "tracker"))
        known = nearest(tracker, config.trackers) or "-"
        yield Problem("config.unknown-tracker", *place, {"found": tracker, "nearest": known})
    for who, name in config.escalation.routes.items():
        if name not in config.trackers:
            place = tree.place_of(("escalation", "routes", who))
            known = nearest(name, config.trackers) or "-"
            yield Problem("config.unknown-tracker", *place, {"found": name, "nearest": known})
    if config.escalation.notify and not config.notify:
        yield Problem("config.nobody-to-notify", *tree.place_of(("escalation", "notify")), {})


def _warnings(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    for path in secrets_in_place(config):
        name = ".".join(str(part) for part in path)
        variable = "_".join(str(part) for part in path).upper().replace("-", "_")
        args = {"path": name, "reference": f"secret://env/{variable}"}
        yield Problem("config.secret-in-place", *tree.place_of(path), args, is_error=False)
    seen: dict[str, str] = {}
    for number, entry in enumerate(config.targets):
        target = entry.target()
        place = tree.place_of(("targets", number, "url"))
        same = f"{target.protocol} {target.endpoint}"
        if same in seen:
            args = {"found": entry.name, "first": seen[same]}
            yield Problem("config.same-target", *place, args, is_error=False)
        seen.setdefault(same, entry.name)
        if target.secrets:
            args = {"path": f"targets.{entry.name}", "reference": "secret://env/NAME"}
            yield Problem("config.secret-in-place", *place, args, is_error=False)


def secrets_in_place(model: BaseModel, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Yield the path of every secret that is written in the file instead of being referred to."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        mark = next((item for item in field.metadata if isinstance(item, IsSecret)), None)
        yield from _in_value(value, mark or _inner_mark(field.annotation), (*path, name))


def _inner_mark(annotation: object) -> IsSecret | None:
    """Find the mark inside `Secret | None` and `tuple[Secret, ...]`."""
    for part in getattr(annotation, "__args__", ()):
        for item in (*getattr(part, "__metadata__", ()), _inner_mark(part)):
            if isinstance(item, IsSecret):
                return item
    return None


def _in_value(
    value: object, mark: IsSecret | None, path: tuple[int | str, ...]
) -> Iterator[tuple[int | str, ...]]:
    if isinstance(value, BaseModel):
        yield from secrets_in_place(value, path)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _in_value(item, mark, (*path, number))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _in_value(item, mark, (*path, key))
    elif (
        isinstance(value, str)
        and mark
        and not is_reference(value)
        and (mark.always or address_holds_secret(value))
    ):
        yield path
