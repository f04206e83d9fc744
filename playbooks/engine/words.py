"""Words as the search compares them: stems, what means the same, and what was meant by a mistyped word.

A customer's words come as they are typed: with the wrong keyboard layout ("yt gtxfnftn xtr"), Russian in
Latin letters ("ne pechataet chek"), a letter too many. Each word is read as it stands if that makes a known
word, else in these ways, one after the other.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from probes.scanning.keyboard import from_russian, is_cyrillic, to_russian

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MAX_TEXT = 400  # characters of a query; nobody describes a fault on the telephone in more
MAX_GUESSED = 12  # words of a query that are compared with all known ones
_SIMILAR = 0.76
_SHORTEST_GUESSED = 4  # letters; of shorter words every one is similar to some other
_WORDS = Path(__file__).parents[1] / "library" / "words.toml"

_WORD = re.compile(r"[^\W_]+")
_PUNCTUATION = ".,;:!?()\"'«»“”…"
# Latin letters that look like Russian ones, for words that have both
_LOOKS_RUSSIAN = str.maketrans("abcehkmoptxy", "авсенкмортху")
_SOUNDS = (
    "shch=щ sch=щ zh=ж kh=х ts=ц tz=ц ch=ч sh=ш yu=ю ju=ю iu=ю ya=я ja=я ia=ия yo=е jo=е ye=е je=е yj=ый "
    "iy=ий a=а b=б c=ц d=д e=е f=ф g=г h=х i=и j=й k=к l=л m=м n=н o=о p=п q=к r=р s=с t=т u=у v=в w=в "
    "x=кс y=ы z=з"
)
_LETTERS = dict(sound.split("=") for sound in _SOUNDS.split()) | {"'": "ь"}
_SOUND = re.compile("|".join(_LETTERS))
_SOFT = re.compile(r"(л[аио]с)\b")  # konchilas: nobody types the soft sign


class Vocabulary(NamedTuple):
    """What means the same (stems, and the stem for all), and what says little (`stop`: whole words)."""

    same: Mapping[tuple[str, ...], str]
    longest: int
    stop: frozenset[str]
    weak: frozenset[str]
    vague: frozenset[str]


class Read(NamedTuple):
    """One word of a text: what it is compared by, and how it reads."""

    stem: str
    word: str


@lru_cache(maxsize=1)
def _table() -> dict[str, list[Any]]:  # words, and lists of them
    with _WORDS.open("rb") as file:
        return tomllib.load(file)


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the words of the library's `words.toml`."""
    table = _table()
    same: dict[tuple[str, ...], str] = {}
    for line in table["same"]:
        first, *others = (tuple(stem(word) for word in split(phrase)) for phrase in line)
        for other in others:
            if other != first:
                same[other] = first[0]
    stop = frozenset(split(" ".join(table["stop"])))
    weak, vague = (frozenset(map(stem, split(" ".join(table[list_])))) for list_ in ("weak", "vague"))
    return Vocabulary(same, max(map(len, same)), stop, weak, vague)


def split(text: str) -> list[str]:
    """Return the words of a text in small letters, `ё` as `е`."""
    return [_one_alphabet(word) for word in _WORD.findall(text.casefold().replace("ё", "е"))]


def _one_alphabet(word: str) -> str:
    mixed = is_cyrillic(word) and any("a" <= letter <= "z" for letter in word)
    return word.translate(_LOOKS_RUSSIAN) if mixed else word


@lru_cache(maxsize=1)
def _stemmers() -> tuple[Callable[[str], str], Callable[[str], str]]:
    import snowballstemmer  # noqa: PLC0415  10 ms that only a search pays for

    return snowballstemmer.stemmer("russian").stemWord, snowballstemmer.stemmer("english").stemWord


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the part of a word that its forms share; the word is in small letters."""
    russian, english = _stemmers()
    if word in _table()["alone"]:
        return word
    if not is_cyrillic(word):
        return english(word)
    found = russian(word)
    # звонок, звонка: the vowel comes and goes
    return found[:-2] + "к" if len(found) > 4 and found.endswith("ок") else found


def read(text: str) -> list[Read]:
    """Return the words that say something, as they stand; what means the same has the same stem."""
    return list(_meant([Read(stem(word), word) for word in split(text)]))


def read_query(text: str, known: Mapping[str, str]) -> list[Read]:
    """Return the words of a customer's text that are known, read as they were meant.

    `known` has every stem that can be found, and a word that it stands for.
    """
    words: list[Read] = []
    guesses = MAX_GUESSED
    for chunk in text[:MAX_TEXT].casefold().split():
        readings = [found for found in _readings(chunk) if found]
        best = max(readings, key=lambda words: _known_share(words, known), default=[])
        if best and not _known_share(best, known) and guesses > 0:
            guesses -= 1
            best = next((guess for guess in (_guess(words, known) for words in readings) if guess), best)
        words += best
    return [word for word in _meant(words) if word.stem in known]


def _readings(chunk: str) -> Iterator[list[Read]]:
    """Yield a chunk as it stands, in the other layout with and without its punctuation, and by its sound."""
    other = from_russian if is_cyrillic(chunk) else to_russian
    bare = chunk.strip(_PUNCTUATION)
    texts = [chunk, other(bare), other(chunk)]
    if chunk.isascii():
        sound = _SOUND.sub(lambda match: _LETTERS[match[0]], bare)
        texts.append(_SOFT.sub(r"\1ь", sound))
    for text in dict.fromkeys(texts):
        yield [Read(stem(word), word) for word in split(text)]


def _known_share(words: list[Read], known: Mapping[str, str]) -> float:
    table = vocabulary()
    hits = sum(
        word.stem in known or word.word in table.stop or word.stem in table.weak or (word.stem,) in table.same
        for word in words
    )
    return hits / len(words)


def _guess(words: list[Read], known: Mapping[str, str]) -> list[Read]:
    """Return the known words that these are most similar to; none if one of them is similar to no other."""
    guessed = []
    same = (stems[0] for stems in vocabulary().same if len(stems) == 1)
    possible = dict.fromkeys((*known, *same))
    for word in words:
        near = word.stem if word.stem in possible else _nearest(word.stem, possible)
        if not near:
            return []
        guessed.append(Read(near, known.get(near, near)))
    return guessed


def _nearest(wrong: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415  only a mistake pays for it

    if len(wrong) < _SHORTEST_GUESSED:
        return ""
    letters, room = set(wrong), 1 + len(wrong) // 5
    near = [
        right
        for right in known
        if abs(len(right) - len(wrong)) <= room and len(right) > 2 and len(letters - set(right)) <= room
    ]
    return next(iter(difflib.get_close_matches(wrong, near, 1, _SIMILAR)), "")


def _meant(words: list[Read]) -> Iterator[Read]:
    """Yield words with one stem for what means the same, without those that say next to nothing."""
    table = vocabulary()
    at = 0
    while at < len(words):
        for size in range(min(table.longest, len(words) - at), 0, -1):
            part = words[at : at + size]
            stands_for = table.same.get(tuple(word.stem for word in part))
            if stands_for is not None:
                yield Read(stands_for, " ".join(word.word for word in part))
                break
        else:
            size = 1
            if words[at].word not in table.stop:
                yield words[at]
        at += size
