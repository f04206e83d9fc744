"""Which playbooks there are: the library that comes with supportctl, and folders of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.texts import in_language
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from playbooks.engine.model import Playbook
    from supportctl.core.site import SiteConfig
    from supportctl.report.playbook.listing import Listed


class Shelf(NamedTuple):
    """What the folders have: playbooks with their files by name, and files that cannot be used, with why."""

    playbooks: dict[str, tuple[Path, Playbook]]
    broken: tuple[tuple[Path, UsageError], ...]


def folders(config: SiteConfig | None) -> list[Path]:
    """Return the folders that hold playbooks; a later one takes the place of a playbook of an earlier one."""
    from playbooks.engine.library import SHIPPED

    own = config.playbooks.folders if config else ()
    return [SHIPPED, *(Path(folder).expanduser() for folder in own)]


def runs_folder(config: SiteConfig | None) -> Path:
    """Return the folder of the journals of runs, whether it exists or not."""
    if config and config.playbooks.runs:
        return Path(config.playbooks.runs).expanduser()
    import platformdirs

    return platformdirs.user_state_path("supportctl", appauthor=False) / "runs"


def shelf(places: Sequence[Path]) -> Shelf:
    """Return the playbooks of these folders. A file or a folder that cannot be used hides no other."""
    from playbooks.engine.library import playbook_files
    from playbooks.engine.loader import load

    found: dict[str, tuple[Path, Playbook]] = {}
    broken: list[tuple[Path, UsageError]] = []
    for folder in places:
        try:
            paths = list(playbook_files(folder))
        except UsageError as error:
            broken.append((folder, error))
            continue
        for path in paths:
            try:
                playbook = load(path).playbook
            except UsageError as error:
                broken.append((path, error))
            else:
                found[playbook.name] = (path, playbook)
    return Shelf(found, tuple(broken))


def listed(
    books: Shelf, lang: str, *, symptom: str | None = None, tag: str | None = None, limit: int = 10
) -> Iterator[Listed]:
    """Yield the playbooks that fit: by name, or the best first where a symptom is told."""
    from supportctl.report.playbook.listing import Listed

    chosen = {
        name: (path, playbook)
        for name, (path, playbook) in sorted(books.playbooks.items())
        if tag is None or tag in playbook.tags
    }
    reasons: Iterable[tuple[str, float | None, str, tuple[str, ...]]]
    if symptom is None:
        reasons = [(name, None, "", ()) for name in chosen]
    else:
        reasons = _ranked([playbook for _, playbook in chosen.values()], lang, symptom, limit)
    for name, score, nearest, words in reasons:
        path, playbook = chosen[name]
        title = in_language(playbook.title, lang)
        yield Listed(
            str(path), name, title, playbook.tags, playbook.version, playbook.owner, score, nearest, words
        )


def _ranked(
    playbooks: Sequence[Playbook], lang: str, symptom: str, limit: int
) -> Iterator[tuple[str, float | None, str, tuple[str, ...]]]:
    from playbooks.engine.search import Index, entries_of

    index = Index(entries_of(playbooks), lang)
    try:
        for hit in index.search(symptom, limit):
            yield hit.name, hit.score, hit.why.symptom, hit.why.words
    finally:
        index.close()
