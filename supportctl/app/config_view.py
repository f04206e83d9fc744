"""The configuration as `config show` tells it: every value, where it came from, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.app.config_problems import secrets_in_place
from supportctl.core.fields import address_holds_secret
from supportctl.core.redaction import redact
from supportctl.core.secret_patterns import HIDDEN
from supportctl.core.site import SiteConfig
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.app.config_file import Configuration

_Path = tuple[int | str, ...]


class Setting(NamedTuple):
    """One value: its dotted path, the value as text, and its file and line, or None for a default."""

    path: str
    value: str
    origin: str | None


def view(configuration: Configuration | None) -> tuple[dict[str, object], list[Setting]]:
    """Return the whole configuration without secrets, as a document and as a list of settings."""
    config = configuration.config if configuration and configuration.config else SiteConfig()
    document = without_secrets(config)
    places = dict(configuration.tree.leaves()) if configuration else {}
    settings = []
    for path, value in _leaves(document, ""):
        place = places.get(path)
        origin = f"{configuration.path}:{place.line}" if configuration and place else None
        settings.append(Setting(path, value, origin))
    return document, settings


def without_secrets(config: SiteConfig) -> dict[str, object]:
    """Return the configuration as plain data; what is a secret is hidden, a reference to one is shown."""
    document: dict[str, object] = config.model_dump(mode="json", exclude_none=True)
    for path in secrets_in_place(config):
        _replace(document, path)
    for entry, shown in zip(config.targets, document["targets"], strict=True):  # type: ignore[call-overload]  # plain data
        shown["url"] = entry.target().url
    return document


def _replace(document: object, path: _Path) -> None:
    node = document
    for part in path[:-1]:
        node = node[part]  # type: ignore[index]  # plain data: mappings and lists
    value = str(node[path[-1]])  # type: ignore[index]
    # the address of a portal or a database is worth reading without its secret part
    shown = redact(value) if "://" in value and address_holds_secret(value) else HIDDEN
    node[path[-1]] = HIDDEN if shown == value else shown  # type: ignore[index]


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    else:
        yield path, clean(value, 2048)


def schema_document() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a configuration file."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "supportctl.yaml"}
    return {**SiteConfig.model_json_schema(), **dialect}
