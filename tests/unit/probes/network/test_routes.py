"""Parsers over what the systems print. The Windows texts follow Microsoft's documented layout."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.network.routes import (
    DefaultRoute,
    Neighbour,
    linux_neighbours,
    linux_routes,
    windows_neighbours,
    windows_routes,
)

LINUX_ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t700\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
lo\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0
"""
LINUX_ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0
"""
WINDOWS_ROUTE_RU = """\
===========================================================================
Список интерфейсов
  7...00 15 5d 01 02 03 ......Intel(R) Ethernet Connection
  1...........................Software Loopback Interface 1
===========================================================================

IPv4 таблица маршрута
===========================================================================
Активные маршруты:
Сетевой адрес           Маска сети      Адрес шлюза       Интерфейс  Метрика
          0.0.0.0          0.0.0.0      192.168.1.1     192.168.1.34     25
          0.0.0.0          0.0.0.0         On-link          10.8.0.2      5
        127.0.0.0        255.0.0.0         On-link         127.0.0.1    331
===========================================================================
Постоянные маршруты:
  Сетевой адрес            Маска    Адрес шлюза      Метрика
          0.0.0.0          0.0.0.0      192.168.7.1  По умолчанию
===========================================================================
"""
WINDOWS_ARP_RU = """\

Интерфейс: 192.168.1.34 --- 0x7
  адрес в Интернете      Физический адрес      Тип
  192.168.1.1           aa-bb-cc-dd-ee-01     динамический
  192.168.1.77          00-00-00-00-00-00     недопустимый
  192.168.1.255         ff-ff-ff-ff-ff-ff     статический
"""


def test_linux_default_routes_come_in_order_of_preference() -> None:
    assert linux_routes(LINUX_ROUTE) == [
        DefaultRoute("eth0", "192.0.2.1", 100),
        DefaultRoute("wlan0", "192.168.1.1", 600),
        DefaultRoute("ppp0", "", 700),
    ]


def test_linux_neighbours_tell_whether_somebody_answered() -> None:
    assert linux_neighbours(LINUX_ARP) == [Neighbour("192.0.2.1", True), Neighbour("192.0.2.9", False)]


def test_windows_routes_are_read_by_their_columns_in_any_language() -> None:
    assert windows_routes(WINDOWS_ROUTE_RU) == [
        DefaultRoute("10.8.0.2", "", 5),
        DefaultRoute("192.168.1.34", "192.168.1.1", 25),
    ]


def test_windows_neighbours() -> None:
    assert windows_neighbours(WINDOWS_ARP_RU) == [
        Neighbour("192.168.1.1", True),
        Neighbour("192.168.1.77", False),
        Neighbour("192.168.1.255", False),
    ]


@given(st.text(max_size=400))
def test_any_text_gives_a_list(text: str) -> None:
    for parser in (linux_routes, linux_neighbours, windows_routes, windows_neighbours):
        assert isinstance(parser("heading\n" + text), list)
