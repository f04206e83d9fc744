"""Options that every command takes, and the settings that they make."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from supportctl.core import log
from supportctl.core.language import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from supportctl.catalog import Catalog

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass(slots=True)
class Settings:
    """What the global options say."""

    config: Path | None = None
    lang: str = "en"
    log_level: str = "warning"
    log_format: str = "text"

    @property
    def catalog(self) -> Catalog:
        """The texts in the chosen language."""
        from supportctl.catalog import Catalog

        return Catalog(self.lang)


class Seconds(click.FloatRange):
    """A number of seconds within limits. `nan` is beyond all of them, which no comparison with them tells."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. Raises: click.BadParameter."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not in the range {self.min}<=x<={self.max}.", param, ctx)
        return seconds


def default_language() -> str:
    """Return the language of the locale if we have it, else English."""
    for name in ("SUPPORTCTL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")[:2].lower()
        if value in LANGUAGES:
            return value
        if value:
            return "en"
    if sys.platform == "win32":
        import locale

        if (locale.getlocale()[0] or "").lower().startswith("ru"):
            return "ru"
    return "en"


def settings(context: click.Context) -> Settings:
    """Return the settings of this run, made on first use."""
    root = context.find_root()
    if root.obj is None:
        root.obj = Settings(lang=default_language())
    found: Settings = root.obj
    return found


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:  # noqa: ANN401
        chosen = settings(context)
        if value is not None:
            setattr(chosen, name, value)
            if name.startswith("log_"):
                log.configure(chosen.log_level, chosen.log_format)

    return callback


def _set_config(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from pathlib import Path

        settings(context).config = Path(value)


def common_options(command: F) -> F:
    """Add the global options: they may stand before or after the command's name."""
    languages, levels = click.Choice(LANGUAGES), click.Choice(list(log.LEVELS))
    for option in (
        click.option(
            "--config", type=click.Path(), expose_value=False, callback=_set_config,
            help="Configuration file (default: ./supportctl.yaml, then the platform's folder).",
        ),
        click.option(
            "--lang", type=languages, expose_value=False, is_eager=True, callback=_set("lang"),
            help="Language of every text (default: the locale).",
        ),
        click.option(
            "--log-level", type=levels, expose_value=False, callback=_set("log_level"),
            help="Lowest level written to standard error (default: warning).",
        ),
        click.option(
            "--log-format", type=click.Choice(["text", "json"]), expose_value=False,
            callback=_set("log_format"), help="Form of the log lines (default: text).",
        ),
    ):  # fmt: skip
        command = option(command)
    return command
