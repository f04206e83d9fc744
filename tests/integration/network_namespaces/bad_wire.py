"""A bad line between two network namespaces: two TUN devices, and this program between them.

    python bad_wire.py NAMESPACE NAMESPACE [--lose-every N] [--delay-ms N] [--vary-ms N] [--largest BYTES]

Each namespace gets a device `wire`. Packets larger than BYTES vanish without a word. Prints "ready".
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
ICMP = 1


def open_device(namespace: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    where = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(where, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(where)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
    return device


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("namespaces", nargs=2)
    for name in ("--lose-every", "--delay-ms", "--vary-ms", "--largest"):
        parser.add_argument(name, type=int, default=0)
    wish = parser.parse_args()
    one, two = (open_device(name) for name in wish.namespaces)
    other = {one: two, two: one}
    waiting: list[tuple[float, int, int, bytes]] = []
    counted = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for source in select.select([one, two], [], [], pause)[0]:
            packet = os.read(source, 65536)
            if wish.largest and len(packet) > wish.largest:
                continue
            counted += packet[9] == ICMP and source == one
            if wish.lose_every and packet[9] == ICMP and source == one and counted % wish.lose_every == 0:
                continue
            late = wish.delay_ms + (wish.vary_ms if counted % 2 else 0)
            heapq.heappush(waiting, (time.monotonic() + late / 1000, counted, other[source], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _at, _number, device, packet = heapq.heappop(waiting)
            with contextlib.suppress(OSError):  # a device that is not up yet
                os.write(device, packet)


if __name__ == "__main__":
    main()
