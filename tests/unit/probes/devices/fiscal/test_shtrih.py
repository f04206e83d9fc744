"""The Shtrih-M probe against the lab's register: what it says and asks, and how it bears a bad line."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.devices.fiscal import errors
from probes.devices.fiscal.shtrih import ShtrihProbe
from probes.lab.devices.shtrih import ShtrihRegister
from probes.lab.devices.shtrih_wire import LINE_FAULTS, standard
from probes.links.fakes import ClosesInMidAnswer, DeviceLink, Garbled, Lossy, OneByteAtATime, Silent, Slow
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe

URL = "shtrih+tcp://192.168.1.50:7778"
PROTOCOL_2 = f"{URL}?protocol=2"
PASSED = {
    "fiscal.answers", "fiscal.registration", "fiscal.storage", "fiscal.storage-life", "fiscal.storage-memory",
    "fiscal.queue", "fiscal.transport", "fiscal.shift", "fiscal.paper", "fiscal.cover", "fiscal.mechanism",
    "fiscal.document", "fiscal.clock",
}  # fmt: skip
ONE_BENCH = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
READS = {"ENQ", "SYNC", "fc", "10", "11", "ff01", "ff02", "ff03", "ff04", "ff09", "ff39", "ff3f", "ff40"}
STATES = [
    ("shift-over-24h", "fiscal.shift-over-24h", "fault"),
    ("document-open", "fiscal.document-open", "warning"),
    ("document-open-in-storage", "fiscal.document-open", "warning"),
    ("date-confirmation", "fiscal.blocked", "fault"),
    ("locked-tax-password", "fiscal.blocked", "fault"),
    ("technological-reset", "fiscal.blocked", "fault"),
    ("paper-near-end", "fiscal.paper-near-end", "warning"),
    ("paper-out", "fiscal.paper-out", "fault"),
    ("paper-out-while-printing", "fiscal.paper-out", "fault"),
    ("continue-print", "fiscal.continue-print", "fault"),
    ("cover-open", "fiscal.cover-open", "fault"),
    ("mechanical-error", "fiscal.mechanical-error", "fault"),
    ("battery-low", "fiscal.battery-low", "warning"),
    ("clock-drift-small", "fiscal.clock-drift", "warning"),
    ("clock-drift", "fiscal.clock-drift", "fault"),
    ("fn-expiring", "fiscal.fn-expiring", "warning"),
    ("fn-expiring-soon", "fiscal.fn-expiring", "fault"),
    ("fn-expired", "fiscal.fn-expired", "fault"),
    ("fn-setup", "fiscal.fn-not-fiscalised", "fault"),
    ("fn-not-fiscalised", "fiscal.fn-not-fiscalised", "fault"),
    ("fn-closed-sending", "fiscal.fn-archive-closed", "fault"),
    ("fn-archive-closed", "fiscal.fn-archive-closed", "fault"),
    ("fn-memory-low", "fiscal.fn-memory-low", "warning"),
    ("fn-fault", "fiscal.fn-fault", "fault"),
    ("fn-no-answer", "fiscal.fn-fault", "fault"),
    ("fn-broken", "fiscal.fn-fault", "fault"),
    ("fn-life-over", "fiscal.fn-expired", "fault"),
    ("fn-archive-full", "fiscal.fn-memory-full", "fault"),
    ("fn-queue-too-old", "fiscal.ofd-blocked", "fault"),
    ("fn-shift-over-24h", "fiscal.shift-over-24h", "fault"),
    ("fn-clock-differs", "fiscal.clock-drift", "fault"),
    ("ofd-unreachable", "fiscal.ofd-unreachable", "warning"),
    ("ofd-queue", "fiscal.ofd-queue", "warning"),
    ("ofd-queue-old", "fiscal.ofd-queue-old", "warning"),
    ("ofd-blocked", "fiscal.ofd-blocked", "fault"),
    ("cutter-error", "fiscal.cutter-error", "fault"),
    ("overheated", "fiscal.overheated", "fault"),
    ("clock-reset", "fiscal.blocked", "fault"),
    ("not-registered", "fiscal.not-registered", "fault"),
    ("supply-low", "fiscal.device-error", "fault"),
    ("ram-restored", "fiscal.device-error", "warning"),
]


def register(*faults: str) -> ShtrihRegister:
    made = ShtrihRegister()
    for fault in faults:
        made.switch(fault, on=True, now=0.0)
    return made


@pytest.fixture
def ask(bench):
    """Return a function: what the probe tells of a register with some faults, and the register."""

    def run(*faults, url=URL, **options):
        device = register(*faults)
        told = bench.run(ShtrihProbe(), device, url=url, **options)
        assert set(device.opcodes) <= READS
        assert device.writes == []
        return told, device

    return run


@pytest.mark.parametrize("url", [URL, PROTOCOL_2])
def test_a_healthy_register(ask, url):
    told, device = ask(url=url)
    assert (told.problems, told.passed) == ({}, PASSED)
    args = {"maker": "Shtrih-M", "model": "ШТРИХ-М-01Ф", "firmware": "C.3 664 02.02.2026", "serial": "123456"}
    assert args.items() <= told["fiscal.answers"].args.items()
    assert len(device.opcodes) == 12  # ENQ or the synchronisation once, then each command once
    assert told.seconds == 0


@pytest.mark.parametrize("url", [URL, PROTOCOL_2])
@pytest.mark.parametrize(("fault", "code", "status"), STATES)
def test_each_state_has_its_finding_over_both_protocols(ask, url, fault, code, status):
    told, _ = ask(fault, url=url)
    assert told.problems == {code: status}
    assert all(evidence.asked and evidence.got for evidence in told[code].evidence)


def test_faults_together_are_all_found(ask):
    faults = ("shift-over-24h", "paper-out", "cover-open", "ofd-queue-old", "fn-expiring", "clock-drift")
    told, _ = ask(*faults)
    assert set(told.problems) == {f"fiscal.{fault}" for fault in faults}


def test_an_open_document_hides_no_shift_over_24_hours(ask):
    told, _ = ask("document-open", "shift-over-24h")
    assert set(told.problems) == {"fiscal.document-open", "fiscal.shift-over-24h"}


def test_the_configuration_says_what_is_expected(ask):
    told, _ = ask("shift-closed", "drawer-open")
    assert told.problems == {}
    told, _ = ask("shift-closed", "drawer-open", shift="open", drawer="closed")
    assert told.problems == {"fiscal.shift-closed": "warning", "fiscal.drawer-open": "warning"}


def test_a_register_without_a_storage_is_healthy(ask):
    told, device = ask("without-storage")
    assert told.problems == {}
    assert device.opcodes.count("ff01") == 1
    assert "ff39" not in device.opcodes


class TestPassword:
    def test_a_wrong_one_is_asked_once(self, ask):
        told, device = ask("wrong-password")
        assert told.problems == {"fiscal.wrong-password": "unknown"}
        assert device.opcodes == ["ENQ", "fc", "10"]

    def test_the_one_of_the_url(self, ask):
        told, _ = ask("wrong-password", url=f"{URL}?password=4321")
        assert (told.problems, told.passed) == ({}, PASSED)

    @pytest.mark.parametrize("url", [f"{URL}?password=4321", f"{PROTOCOL_2}&password=4321"])
    def test_it_is_not_shown(self, ask, url):
        told, _ = ask("wrong-password", url=url)
        assert all("e110" not in (e.sent or "") for f in told.findings for e in f.evidence)  # 4321
        assert any(e.sent == "11********" for f in told.findings for e in f.evidence)

    @pytest.mark.parametrize("password", ["abc", "123456789", "-1", "१२"])
    def test_one_that_cannot_be(self, ask, password):
        told, device = ask(url=f"{URL}?password={password}")
        assert told.problems == {"fiscal.wrong-password": "unknown"}
        assert device.opcodes == ["ENQ", "fc"]


class TestBusy:
    @pytest.mark.parametrize("fault", ["printing", "printing-report", "still-printing", "busy"])
    def test_it_is_told_as_busy_and_in_time(self, ask, fault):
        told, _ = ask(fault)
        assert told.problems == {"fiscal.device-busy": "unknown"}
        assert 1.9 <= told.seconds <= 3.1

    def test_printing_that_ends_is_waited_for(self, bench):
        device = register("printing")

        class Printer(DeviceLink):
            def receive(self, deadline, limit=4096):
                if self._clock.monotonic() > 0.6:
                    self.device.active.discard("printing")
                return super().receive(deadline, limit)

        told = bench.run(ShtrihProbe(), link=lambda target, clock: Printer(target, clock, device), url=URL)
        assert (told.problems, told.passed) == ({}, PASSED)

    def test_an_answer_of_another_program_is_fetched_first(self, bench):
        device = register()
        device.receive(bytes.fromhex("02 01 FC FD"), 0)  # whose answer nobody took
        told = bench.run(ShtrihProbe(), device, url=URL)
        assert (told.problems, told.passed) == ({}, PASSED)


LINE = {
    "busy": {"fiscal.device-busy": "unknown"},
    "bad-checksum": {"link.garbled": "fault"},
    "wrong-length": {"link.garbled": "fault"},
    "foreign-answer": {"link.garbled": "fault"},
    "refuses-frames": {"link.garbled": "fault"},
    "reboots": {"link.garbled": "fault"},
}
MEANINGS = {
    "bad-checksum": "shtrih.trouble-checksum",
    "wrong-length": "shtrih.trouble-cut-off",
    "foreign-answer": "shtrih.trouble-foreign",
    "refuses-frames": "shtrih.trouble-refused",
    "reboots": "shtrih.trouble-cut-off",
}


@pytest.mark.parametrize("fault", sorted(LINE_FAULTS))
def test_what_the_repeats_cure_and_what_not(ask, fault):
    told, _ = ask(fault)
    assert told.problems == LINE.get(fault, {})
    assert told.passed == (set() if fault in LINE else PASSED)
    assert told.seconds <= 3.1
    if fault in MEANINGS:
        assert told["link.garbled"].evidence[0].meaning == MEANINGS[fault]


@pytest.mark.parametrize("fault", sorted(LINE_FAULTS - {"protocol-2"}))
def test_the_same_over_protocol_2(ask, fault):
    """There is no NAK in it, and no 06: what is refused or at work is silent."""
    told, _ = ask(fault, url=PROTOCOL_2)
    silent = {"busy": {"link.silent": "fault"}, "refuses-frames": {"link.silent": "fault"}}
    assert told.problems == {**LINE, **silent}.get(fault, {})


def test_a_register_that_speaks_protocol_2_is_found_without_being_told(ask):
    told, device = ask("protocol-2", "shift-over-24h")
    assert told.problems == {"fiscal.shift-over-24h": "fault"}
    assert device.opcodes[0] == "SYNC"
    assert told.seconds == pytest.approx(1.5)  # three ENQ


class TestWires:
    def test_silence(self, bench):
        told = bench.run(ShtrihProbe(), link=Silent, url=URL)
        assert told.problems == {"link.silent": "fault"}
        assert told.seconds < 3

    def test_noise(self, bench):
        told = bench.run(ShtrihProbe(), link=Garbled, url=URL)
        assert set(told.problems) == {"link.garbled"}

    def test_one_byte_at_a_time(self, ask):
        told, _ = ask(wrap=lambda link, _clock: OneByteAtATime(link))
        assert (told.problems, told.passed) == ({}, PASSED)

    def test_slow(self, ask):
        told, _ = ask("cover-open", wrap=lambda link, clock: Slow(link, clock, 0.3))
        assert told.problems == {"fiscal.cover-open": "fault"}

    def test_the_time_of_the_check_is_over(self, ask):
        told, _ = ask(wrap=lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1), seconds=6.0)
        assert told.problems == {"link.silent": "unknown"}
        assert "fiscal.answers" in told.passed  # what was read is told
        assert told.seconds <= 6.1

    @pytest.mark.parametrize("after", [0, 1, 2, 30, 100])
    def test_it_closes_in_mid_answer(self, ask, after):
        told, _ = ask(wrap=lambda link, _clock: ClosesInMidAnswer(link, after=after))
        assert told.problems == {"link.closed": "fault"}
        assert ("fiscal.answers" in told.passed) is (after >= 30)

    @ONE_BENCH
    @given(seed=st.integers(0, 10_000))
    def test_a_lossy_line_gives_the_truth_or_a_word_about_the_line(self, bench, seed):
        def lossy(link, _clock):
            return Lossy(link, seed=seed, share=0.01)

        told = bench.run(ShtrihProbe(), register("cover-open"), url=URL, wrap=lossy)
        assert set(told.problems) <= {
            "fiscal.cover-open",
            "link.garbled",
            "link.silent",
            "fiscal.device-busy",
        }
        if "fiscal.paper" in told.passed:
            assert "fiscal.cover-open" in told.problems


def test_scales_speak_the_same_frames_but_are_no_register(bench):
    class Scales(ShtrihRegister):
        def _device_type(self):
            return b"\x01" + super()._device_type()[1:]

    told = bench.run(ShtrihProbe(), Scales(), url=URL)
    assert {f.code: f.args for f in told.findings} == {"link.wrong-device": {"protocol": "shtrihscale"}}


@pytest.mark.parametrize("number", [n for n in errors.numbers("shtrih") if n not in {0x36, 0x37, 0x50}])
def test_every_error_of_the_register_is_told_in_its_words(bench, number):
    class Failing(ShtrihRegister):
        def _refusal(self, code, params):
            return number if code == b"\x11" else super()._refusal(code, params)

    told = bench.run(ShtrihProbe(), Failing(), url=URL)
    row = errors.look_up("shtrih", number)
    code = row.code or "fiscal.device-error"
    if code == "fiscal.shift-closed":  # the mode says that it is open: the state is believed
        assert code not in told.problems
        return
    found = told[code]
    assert any(evidence.got.startswith("020211") for evidence in found.evidence)
    if row.code is None:
        assert (found.args["says"], found.args["who"]) == (row.meaning, row.who)
        assert found.stops_sales is not row.sales
    for lang in ("en", "ru"):
        assert "shtrih." not in describe(found, Catalog(lang)).explanation


def test_the_same_number_means_another_thing_at_the_storage(bench):
    class Failing(ShtrihRegister):
        def __init__(self, where):
            super().__init__()
            self.where = where

        def _refusal(self, code, params):
            return 0x03 if code == self.where else super()._refusal(code, params)

    of_register = bench.run(ShtrihProbe(), Failing(b"\x11"), url=URL)
    of_storage = bench.run(ShtrihProbe(), Failing(b"\xff\x01"), url=URL)
    assert of_register["fiscal.device-error"].args["says"] == "shtrih.error-03"
    assert "fiscal.fn-fault" in of_storage.problems


@ONE_BENCH
@given(data=st.data())
def test_any_sound_answers_are_survived(bench, data):
    """A register that answers every command with a sound frame of any content."""

    class Strange(ShtrihRegister):
        def _execute(self, request):
            size = 2 if request[:1] == b"\xff" else 1
            return request[:size] + b"\0" + data.draw(st.binary(min_size=46, max_size=60))

    bench.run(ShtrihProbe(), Strange(), url=URL)


def test_the_lab_s_frames_are_those_of_the_codec():
    from probes.protocols import shtrih

    assert standard(b"\xfc") == shtrih.encode(shtrih.GET_DEVICE_TYPE)
