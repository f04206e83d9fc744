"""A USB device of the printer class (or with a vendor's own interface) through pyusb, the extra `usb`.

The bulk endpoint OUT takes commands, the bulk endpoint IN gives answers (USB Device Class Definition for
Printing Devices 1.1, section 4). The kernel's own driver (usblp, usbprint.sys) is never detached: that would
take the printer away from the till software.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from probes.links.base import CHUNK, Attempt, LinkError
from probes.links.worker import TooLate, in_time
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

OPEN_S = 5.0
PRINTER_CLASS, VENDOR_CLASS = 0x07, 0xFF
_DIRECTION_IN = 0x80
_TRANSFER_TYPE, _BULK = 0x03, 0x02
_LEAST_MS = 1  # zero would mean for ever
_LOOK_MS = 10  # one look at what has arrived: shorter transfers are cancelled before the device can answer


class Endpoints(NamedTuple):
    """The interface to claim and its two bulk endpoints; `inward` is None on a device that cannot answer."""

    interface: int
    outward: Any
    inward: Any | None


class UsbLink:
    """An open USB interface."""

    def __init__(
        self,
        device: Any,  # noqa: ANN401  pyusb has no types
        endpoints: Endpoints,
        target: Target,
        pyusb: ModuleType,
    ) -> None:
        self.target = target
        self.one_way = endpoints.inward is None
        self._device, self._endpoints, self._pyusb = device, endpoints, pyusb
        self._read: bytes = b""  # a transfer brings whole packets, maybe more than was asked for

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        try:
            self._endpoints.outward.write(data, max(_LEAST_MS, int(deadline.remaining() * 1000)))
        except self._pyusb.core.USBTimeoutError:
            raise Attempt("send", deadline).failed("link.silent", "link.takes-no-bytes") from None
        except self._pyusb.core.USBError as error:
            raise self._gone(deadline) from error

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, or `b""` once the deadline has passed, at once on a one-way device."""
        if not self._read and self._endpoints.inward is not None:
            self._read = self._transfer(deadline)
        piece, self._read = self._read[:limit], self._read[limit:]
        return piece

    def close(self) -> None:
        """Give the interface back."""
        with contextlib.suppress(self._pyusb.core.USBError):
            self._pyusb.util.dispose_resources(self._device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _transfer(self, deadline: Deadline) -> bytes:
        inward = self._endpoints.inward
        assert inward is not None
        while True:
            try:
                data = bytes(inward.read(CHUNK, max(_LOOK_MS, int(deadline.remaining() * 1000))))
            except self._pyusb.core.USBTimeoutError:
                return b""
            except self._pyusb.core.USBError as error:
                raise self._gone(deadline) from error
            if data or deadline.expired:  # a printer may answer with an empty packet: nothing to say yet
                return data

    @staticmethod
    def _gone(deadline: Deadline) -> LinkError:
        return Attempt("receive", deadline).failed("link.closed", "link.port-gone")


def open(target: Target, deadline: Deadline) -> UsbLink:  # noqa: A001  the name that open_link calls
    """Return the claimed printer interface of the device `usb://VENDOR:PRODUCT[/SERIAL]`.

    Raises:
        LinkError: `link.not-supported` (pyusb or its library is missing), `link.no-such-port`,
            `link.permission` and `link.port-busy` (unknown), `link.wrong-device` (it has no endpoint for
            bulk data), `link.timeout`.
    """
    attempt = Attempt(f"USB {target.host}", deadline)
    try:
        import usb.core
        import usb.util
    except ImportError:
        raise attempt.failed("link.not-supported", "link.no-pyusb", status=Status.UNKNOWN) from None
    try:
        return in_time(
            lambda: _open(attempt, target, usb), deadline.within(OPEN_S), lambda late: late.close()
        )
    except TooLate:
        raise attempt.failed(
            "link.timeout", "link.port-hangs", status=attempt.sure(), port=target.host
        ) from None
    except usb.core.NoBackendError:
        raise attempt.failed("link.not-supported", "link.no-libusb", status=Status.UNKNOWN) from None
    except usb.core.USBError as error:
        raise _why(attempt, error, target) from error


def find_endpoints(interfaces: Iterable[Any]) -> Endpoints | None:
    """Return the first interface with bulk data, printer class before a vendor's own; None without one."""
    usable = [i for i in interfaces if i.bInterfaceClass in {PRINTER_CLASS, VENDOR_CLASS}]
    for interface in sorted(usable, key=lambda i: i.bInterfaceClass != PRINTER_CLASS):
        bulk = [e for e in interface if e.bmAttributes & _TRANSFER_TYPE == _BULK]
        outward = next((e for e in bulk if not e.bEndpointAddress & _DIRECTION_IN), None)
        inward = next((e for e in bulk if e.bEndpointAddress & _DIRECTION_IN), None)
        if outward is not None:
            return Endpoints(interface.bInterfaceNumber, outward, inward)
    return None


def _open(attempt: Attempt, target: Target, pyusb: ModuleType) -> UsbLink:
    device = _find(target, pyusb)
    if device is None:
        raise attempt.failed("link.no-such-port", "link.usb-absent", port=target.host, ports="-")
    endpoints = find_endpoints(device.get_active_configuration())
    if endpoints is None:
        raise attempt.failed("link.wrong-device", "link.usb-no-bulk", port=target.host)
    if _driver_active(device, endpoints.interface):
        raise attempt.failed(
            "link.port-busy", "link.usb-driver-holds", status=Status.UNKNOWN, port=target.host, holder="usblp"
        )
    pyusb.util.claim_interface(device, endpoints.interface)
    return UsbLink(device, endpoints, target, pyusb)


def _find(target: Target, pyusb: ModuleType) -> Any | None:  # noqa: ANN401  pyusb has no types
    vendor, product = (int(part, 16) for part in target.host.split(":"))
    serial = target.path.strip("/")
    devices = pyusb.core.find(find_all=True, idVendor=vendor, idProduct=product)
    return next((d for d in devices if not serial or d.serial_number == serial), None)


def _driver_active(device: Any, interface: int) -> bool:  # noqa: ANN401  pyusb has no types
    try:
        return bool(device.is_kernel_driver_active(interface))
    except NotImplementedError:  # Windows: claiming the interface will tell
        return False


def _why(attempt: Attempt, error: Exception, target: Target) -> LinkError:
    number = getattr(error, "errno", None)
    if number in {errno.EACCES, errno.EPERM}:
        vendor = target.host.partition(":")[0]
        rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", MODE="0660", GROUP="lp"'
        return attempt.failed(
            "link.permission", "link.usb-needs-rule", status=Status.UNKNOWN, port=target.host, group="lp",
            command=f"echo '{rule}' | sudo tee /etc/udev/rules.d/60-till.rules",
        )  # fmt: skip
    if number == errno.EBUSY:
        return attempt.failed(
            "link.port-busy", "link.held-by-somebody", status=Status.UNKNOWN, port=target.host, holder="?"
        )
    if number in {errno.ENODEV, errno.ENOENT, errno.EIO}:
        return attempt.failed("link.no-such-port", "link.usb-absent", port=target.host, ports="-")
    return attempt.failed(
        "link.not-supported", "link.usb-failed", status=Status.UNKNOWN, port=target.host, error=str(error)
    )
