"""Finds and reads `supportctl.yaml`. YAML and pydantic are imported only when there is a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from supportctl.core.site import SiteConfig
    from supportctl.reading.problems import Problem
    from supportctl.reading.yaml_tree import Node

FILE_NAME = "supportctl.yaml"
MAX_BYTES = 1024 * 1024
_APP = "supportctl"


class Configuration(NamedTuple):
    """A file that was read: its places, its problems, and its meaning unless a problem is an error."""

    path: Path
    tree: Node
    problems: tuple[Problem, ...]
    config: SiteConfig | None

    def where(self, line: int, column: int) -> str:
        """Return a place in this file as editors understand it."""
        return f"{self.path}:{line}:{column}"


def load_config(path: Path | None) -> SiteConfig | None:
    """Return the configuration of `path`, else of the default places; None if there is no file.

    Raises:
        UsageError: the file that was named is not there, or a file cannot be read or understood.
    """
    found = find_config(path)
    if found is None:
        return None
    configuration = read_config(found)
    if configuration.config is None:
        raise first_error(configuration)
    return configuration.config


def find_config(path: Path | None) -> Path | None:
    """Return the file to read: `path`, else the first of the default places that has one."""
    if path is not None:
        return path
    here = Path(FILE_NAME)
    if os.path.lexists(here):
        return here
    if not any(folder.exists() for folder in _possible_folders()):
        return None
    user = user_config()
    return user if os.path.lexists(user) else None


def user_config() -> Path:
    """Return the file in the platform's folder, whether it exists or not."""
    import platformdirs

    return platformdirs.user_config_path(_APP, appauthor=False) / FILE_NAME


def _possible_folders() -> list[Path]:
    """Where platformdirs may point to: a look costs less than importing it, and most tills have no file."""
    places = [os.environ.get(name) for name in ("XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA")]
    home = Path("~").expanduser()
    folders = [Path(place) for place in places if place]
    return [folder / _APP for folder in (*folders, home / ".config", home / "Library/Application Support")]


def read_config(path: Path) -> Configuration:
    """Return what `path` says, with all its problems.

    Raises:
        UsageError: it cannot be read at all, or it is not YAML.
    """
    from supportctl.reading.text_file import read_text
    from supportctl.reading.yaml_tree import read_tree

    text = read_text(path, MAX_BYTES)
    try:
        tree = read_tree(text)
    except UsageError as error:
        raise _at(path, error.key, dict(error.args_by_name)) from None
    if tree is None:
        raise UsageError("config.empty", where=path, found=len(text))
    from supportctl.app.config_problems import understand

    config, problems = understand(tree)
    return Configuration(path, tree, problems, config)


def first_error(configuration: Configuration) -> UsageError:
    """Return the first problem that stops us, as an error."""
    problem = next(problem for problem in configuration.problems if problem.is_error)
    return _at(configuration.path, problem.key, problem.details())


def _at(path: Path, key: str, args: dict[str, str]) -> UsageError:
    return UsageError(key, **{**args, "where": f"{path}:{args['line']}:{args['column']}"})
