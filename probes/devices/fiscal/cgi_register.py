"""What state is this "cgi" register in (Ukraine, Belarus)? `cgi+http://USER@HOST?password=...`.

One page tells most; the others are details that a build may not have. Several of the family's GETs change
something: the codec refuses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.cgi_talk import CgiTalk, NoAnswer, Told
from probes.devices.fiscal.judge import CODES, judge
from probes.devices.fiscal.state import FiscalStorage, RegisterState, Shift, StoragePhase, VendorError
from probes.links.base import LINK_CODES, LinkError
from probes.protocols import cgi_register as cgi
from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

_NEARLY_FULL = 0.9  # judge.py: 90 % full or more
_SHIFT_ENDED = 0xD3
_NO_PAPER = {0x25, 0x8A, 0x8B}


class CgiRegisterProbe:
    """Reads the pages of a register with a web server inside."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the register says of itself, or why it cannot be asked."""
        talk, reading = CgiTalk(context), _Reading(context)
        broken: Finding | None = None
        try:
            told = talk.page(cgi.STATE)
            if not reading.state_page(told):
                yield talk.something_else(told)
                return
            for page, take in reading.details.items():
                take(talk.page(page))
        except NoAnswer as no:
            broken = no.finding
        except LinkError as error:
            broken = context.link_failed(error)
        if reading.answered:
            yield from judge(reading.state(), context)
            yield from reading.unnumbered()
        if broken is not None:
            yield broken


class _Reading:
    """Collects what the pages say."""

    def __init__(self, context: ProbeContext) -> None:
        self.answered = False
        self.details = {
            cgi.DEVICE: self._device,
            cgi.DOCUMENT: self._document,
            cgi.MEMORY_ROOM: self._memory,
            cgi.JOURNAL_ROOM: self._journal,
            cgi.SKNO: self._skno,
        }
        self._context = context
        self._read_at = context.clock.now()
        self._evidence: dict[str, list[Evidence]] = {}
        self._said: cgi.State | None = None
        self._names: dict[str, str] = {}
        self._room: cgi.Room | None = None
        self._open: bool | None = None
        self._errors: dict[int, str] = {}
        self._texts: list[tuple[str, str, Evidence]] = []

    def state_page(self, told: Told) -> bool:
        """Take /cgi/state; return False if nothing in it is one."""
        self._said = cgi.state(told.document)
        self._mistakes(cgi.STATE, told)
        self.answered = self._said is not None or bool(self._errors or self._texts)
        said = self._said
        if said is None:
            if self.answered:
                self._seen("identity", told, "cgi.told-errors-only")
            return self.answered
        skno = "-" if said.skno is None else said.skno
        self._seen("identity", told, "cgi.told-state", skno=skno)
        self._seen("shift", told, "cgi.told-shift", number="?" if said.z_number is None else said.z_number)
        self._seen("storage", told, "cgi.told-fiscalised", value=str(said.fiscalised))
        return True

    def _device(self, told: Told) -> None:
        self._mistakes(cgi.DEVICE, told)
        if cgi.is_object(told.document):
            for name in ("dev_zn", "dev_ver", "reg_num", "unp_num"):
                value = cgi.text(told.document, name)
                if value:
                    self._names[name] = value
            self._seen("identity", told, "cgi.told-device")
            self._seen("registration", told, "cgi.told-device")

    def _document(self, told: Told) -> None:
        self._mistakes(cgi.DOCUMENT, told)
        self._open = cgi.document_open(told.document)
        if self._open is not None:
            self._seen("document", told, "cgi.told-document")

    def _memory(self, told: Told) -> None:
        self._mistakes(cgi.MEMORY_ROOM, told)
        self._room = cgi.room(told.document)
        if self._room is not None:
            self._seen("storage", told, "cgi.told-memory", total=self._room.total, free=self._room.free)

    def _journal(self, told: Told) -> None:
        self._mistakes(cgi.JOURNAL_ROOM, told)
        room = cgi.room(told.document)
        if room is not None:
            self._seen("storage", told, "cgi.told-journal", total=room.total, free=room.free)

    def _skno(self, told: Told) -> None:
        """The number is UNVERIFIED: shown, not judged."""
        self._mistakes(cgi.SKNO, told)
        if cgi.is_object(told.document) and (value := cgi.number(told.document.get("SKNO"))) is not None:
            self._seen("identity", told, "cgi.told-skno", skno=value)

    def _mistakes(self, page: str, told: Told) -> None:
        for mistake in cgi.mistakes(told.document):
            args = clean_args({"text": mistake.text})
            if mistake.number is None:
                seen = told.evidence._replace(meaning="cgi.told-error", args=args)
                self._texts.append((f"GET {page}", mistake.text, seen))
            elif mistake.number not in self._errors:
                self._errors[mistake.number] = f"GET {page}"
                self._seen("errors", told, "cgi.told-error", text=mistake.text)
                if mistake.number == _SHIFT_ENDED:
                    self._seen("shift", told, "cgi.told-error", text=mistake.text)
                if mistake.number in _NO_PAPER:
                    self._seen("mechanics", told, "cgi.told-error", text=mistake.text)

    def state(self) -> RegisterState:
        """Return the state."""
        said, names = self._said, self._names
        return RegisterState(
            read_at=self._read_at,
            maker="HelpMicro",
            model=(said.model or said.name) if said else None,
            firmware=names.get("dev_ver"),
            serial=(said.serial if said else None) or names.get("dev_zn"),
            registration=names.get("reg_num"),
            taxpayer=names.get("unp_num"),
            shift=self._shift(),
            shift_number=said.z_number if said else None,
            paper_present=False if _NO_PAPER & self._errors.keys() else None,
            document_open=self._open,
            registered=True if "reg_num" in names else None,
            storage=self._storage(),
            errors=tuple(VendorError("cgi", number, asked) for number, asked in self._errors.items()),
            evidence={subject: tuple(seen) for subject, seen in self._evidence.items()},
        )

    def _shift(self) -> Shift | None:
        if _SHIFT_ENDED in self._errors:
            return Shift.EXPIRED
        if self._said is None or self._said.shift_open is None:
            return None
        return Shift.OPEN if self._said.shift_open else Shift.CLOSED

    def _storage(self) -> FiscalStorage:
        phase = None
        if self._said is not None and self._said.fiscalised is not None:
            phase = StoragePhase.FISCAL if self._said.fiscalised else StoragePhase.READY
        room = self._room
        return FiscalStorage(
            phase=phase,
            memory_low=None if room is None else room.total - room.free >= room.total * _NEARLY_FULL,
            memory_full=None if room is None else room.free == 0,
        )

    def unnumbered(self) -> Iterator[Finding]:
        """Yield the errors that the register tells as mere words."""
        for text in dict.fromkeys(text for _asked, text, _seen in self._texts):
            asked, _text, seen = next(item for item in self._texts if item[1] == text)
            yield self._context.unknown(
                "fiscal.device-error",
                seen,
                number="-",
                command=asked,
                says=text,
                first_step=Meaning("fiscal.unlisted-do"),
                who="second-line",
            )

    def _seen(self, subject: str, told: Told, meaning: str, **args: object) -> None:
        seen = told.evidence._replace(meaning=meaning, args=clean_args(args))
        self._evidence.setdefault(subject, []).append(seen)
