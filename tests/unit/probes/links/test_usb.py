"""USB: the pure parts, and the way of every failure with a pretended pyusb; a real printer is not here."""

import errno
import sys
from types import ModuleType, SimpleNamespace

import pytest

from probes.links import LinkError
from probes.links.usb import find_endpoints
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

URL = "escpos+usb://04b8:0e28"
BULK, INTERRUPT = 2, 3
OUT, IN = 0x01, 0x82


class Interface(list):
    """As in pyusb: an interface is a sequence of endpoints."""

    def __init__(self, number, klass, *endpoints):
        super().__init__(endpoints)
        self.bInterfaceNumber, self.bInterfaceClass = number, klass


class Endpoint:
    def __init__(self, address, kind=BULK, incoming=()):
        self.bEndpointAddress, self.bmAttributes = address, kind
        self.incoming, self.written = list(incoming), b""

    def write(self, data, timeout):
        self._fail_if_due()
        self.written += data

    def read(self, size, timeout):
        assert timeout > 0, "zero would mean for ever"
        self._fail_if_due()
        return self.incoming.pop(0)

    def _fail_if_due(self):
        if not self.incoming and self.bEndpointAddress & 0x80:
            raise sys.modules["usb.core"].USBTimeoutError("nothing", errno.ETIMEDOUT)
        if self.incoming and isinstance(self.incoming[0], Exception):
            raise self.incoming.pop(0)


class Device:
    serial_number = "X1"

    def __init__(self, *interfaces, driver=False):
        self.interfaces, self.driver = interfaces, driver

    def get_active_configuration(self):
        return self.interfaces

    def is_kernel_driver_active(self, number):
        return self.driver

    def detach_kernel_driver(self, number):
        raise AssertionError("the till software's printer is not taken away")


@pytest.fixture
def usb(monkeypatch):
    """A pretended pyusb; `devices` are plugged in, `fails` is what claiming an interface raises."""
    core, util, package = ModuleType("usb.core"), ModuleType("usb.util"), ModuleType("usb")

    class USBError(OSError):
        def __init__(self, text, number=None):
            super().__init__(text)
            self.errno = number

    core.USBError = USBError
    core.USBTimeoutError = type("USBTimeoutError", (USBError,), {})
    core.NoBackendError = type("NoBackendError", (ValueError,), {})
    bus = SimpleNamespace(devices=[], fails=None, released=[], core=core)

    def find(**query):
        if bus.devices is None:
            raise core.NoBackendError("No backend available")
        return iter(bus.devices)

    def claim(device, number):
        if bus.fails:
            raise bus.fails

    core.find, util.claim_interface, util.dispose_resources = find, claim, bus.released.append
    package.core, package.util = core, util
    for name, module in (("usb", package), ("usb.core", core), ("usb.util", util)):
        monkeypatch.setitem(sys.modules, name, module)
    return bus


def printer(*incoming, **options):
    inward = Endpoint(IN, incoming=incoming)
    return Device(Interface(0, 7, Endpoint(OUT), inward), **options)


def test_the_printer_interface_is_preferred_and_bulk_only():
    vendor = Interface(0, 0xFF, Endpoint(OUT), Endpoint(IN))
    hid = Interface(1, 3, Endpoint(IN, INTERRUPT))
    proper = Interface(2, 7, Endpoint(0x83, INTERRUPT), Endpoint(OUT), Endpoint(IN))
    found = find_endpoints([vendor, hid, proper])
    assert (found.interface, found.outward, found.inward) == (2, proper[1], proper[2])
    assert find_endpoints([vendor, hid]).interface == 0
    assert find_endpoints([hid]) is None
    assert find_endpoints([Interface(0, 7, Endpoint(OUT))]).inward is None


def test_a_conversation(usb, opened, soon):
    device = printer(b"", b"\x16\x12")
    usb.devices = [device]
    link = opened(URL)
    link.send(b"\x10\x04\x01", soon())
    assert device.interfaces[0][0].written == b"\x10\x04\x01"
    assert link.receive(soon(), limit=1) == b"\x16"  # the empty packet before it says nothing
    assert link.receive(soon()) == b"\x12"
    assert link.receive(soon(0)) == b""
    assert not link.one_way
    link.close()
    assert usb.released == [device]


def test_a_printer_without_a_way_back(usb, opened, soon):
    usb.devices = [Device(Interface(0, 7, Endpoint(OUT)))]
    link = opened(URL)
    assert link.one_way
    assert link.receive(soon()) == b""


def test_unplugged(usb, opened, soon):
    usb.devices = [printer(usb.core.USBError("gone", errno.ENODEV))]
    with pytest.raises(LinkError) as caught:
        opened(URL).receive(soon())
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.closed", "link.port-gone")


def test_the_serial_number_tells_twins_apart(usb, opened, failure):
    usb.devices = [printer()]
    opened(f"{URL}/X1")
    assert failure(f"{URL}/X2").code == "link.no-such-port"


def test_the_url_of_a_usb_device_names_it_again():
    target = parse_target(f"{URL}/X1")
    assert target.url == f"{URL}/X1"
    assert parse_target(target.url) == target


def test_no_such_device(usb, failure):
    error = failure(URL)
    assert (error.code, error.status, error.evidence[0].meaning) == (
        "link.no-such-port", Status.FAULT, "link.usb-absent",
    )  # fmt: skip


def test_the_kernel_s_driver_is_left_alone(usb, failure):
    usb.devices = [printer(driver=True)]
    error = failure(URL)
    assert (error.code, error.status, error.evidence[0].meaning) == (
        "link.port-busy", Status.UNKNOWN, "link.usb-driver-holds",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "code", "meaning"),
    [
        (errno.EACCES, "link.permission", "link.usb-needs-rule"),
        (errno.EBUSY, "link.port-busy", "link.held-by-somebody"),
        (errno.ENODEV, "link.no-such-port", "link.usb-absent"),
        (None, "link.not-supported", "link.usb-failed"),
    ],
)
def test_claiming_fails(usb, failure, number, code, meaning):
    usb.devices, usb.fails = [printer()], usb.core.USBError("refused", number)
    error = failure(URL)
    assert (error.code, error.evidence[0].meaning) == (code, meaning)
    if number == errno.EACCES:
        assert 'ATTR{idVendor}=="04b8"' in error.details["command"]


def test_no_data_endpoint(usb, failure):
    usb.devices = [Device(Interface(0, 3, Endpoint(IN, INTERRUPT)))]
    assert failure(URL).evidence[0].meaning == "link.usb-no-bulk"


def test_no_libusb(usb, failure):
    usb.devices = None
    error = failure(URL)
    assert (error.code, error.status, error.evidence[0].meaning) == (
        "link.not-supported", Status.UNKNOWN, "link.no-libusb",
    )  # fmt: skip


def test_no_pyusb(failure, monkeypatch):
    monkeypatch.setitem(sys.modules, "usb", None)
    monkeypatch.setitem(sys.modules, "usb.core", None)
    error = failure(URL)
    assert (error.code, error.status, error.evidence[0].meaning) == (
        "link.not-supported", Status.UNKNOWN, "link.no-pyusb",
    )  # fmt: skip


def test_a_real_bus_without_the_device(failure):
    """The real pyusb, where it is installed: no device has this id, or the library is missing."""
    pytest.importorskip("usb.core", reason="needs pyusb. To enable: pip install 'supportctl[usb]'")
    assert failure("usb://dead:beef").code in {"link.no-such-port", "link.not-supported"}
