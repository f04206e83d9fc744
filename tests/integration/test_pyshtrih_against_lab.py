"""pyshtrih, a client that we did not write, reads the lab's register as it reads a real one.

Known of pyshtrih 2.0.6, and allowed for: it opens serial ports only (for TCP it is given pyserial's socket
port), it names the bits of the fiscal memory in reverse order, and it reads the taxpayer's number big-endian.
Its own choice of a password for 11h is the cashier's, which a register refuses there: it gets 30.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import pytest

from probes.lab.devices.shtrih import FN_NUMBER, SERIAL, TAXPAYER
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

pytestmark = [
    pytest.mark.peer("pyshtrih"),
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX"),
]
LOOKS, MODE, SUBMODE = "Флаги ФР", "Режим ФР", "Подрежим ФР"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    spec = DeviceSpec("till", "shtrih", ("tcp", "serial"))
    with Lab.from_scenario(Scenario("client", (spec,)), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(params=["tcp", "serial"])
def client(lab, request):
    from pyshtrih.device import ShtrihFR01F

    address = lab.url("till", request.param).partition("://")[2]
    if request.param == "tcp":
        address = f"socket://{address}"
    device = ShtrihFR01F(address, 115200, timeout=5, password=30)
    if request.param == "tcp":
        import serial

        device.protocol.serial = serial.serial_for_url(address, timeout=5, do_not_open=True)
    device.connect()
    yield device
    device.disconnect()
    device.protocol.serial.close()
    lab.clear("till")


def test_who_it_is(client):
    assert client.name == "ШТРИХ-М-01Ф"


def test_the_short_status(lab, client):
    healthy = client.state()
    assert (healthy[MODE].num, healthy[SUBMODE].num) == (2, 0)
    assert healthy[LOOKS]["Оптический датчик чековой ленты"] == 1
    for fault in ("shift-over-24h", "paper-out", "cover-open"):
        lab.fault("till", fault)
    broken = client.state()
    assert (broken[MODE].num, broken[SUBMODE].num) == (3, 1)
    assert broken[LOOKS]["Оптический датчик чековой ленты"] == 0
    assert broken[LOOKS]["Крышка корпуса ФР"] == 1


def test_the_full_status(lab, client):
    lab.fault("till", "shift-over-24h")
    told = client.full_state()
    assert (told["Версия ПО ФР"], told["Сборка ПО ФР"]) == ("C.3", 664)
    assert told["Заводской номер"] == SERIAL
    clock = datetime.combine(told["Дата"], told["Время"])
    assert abs(clock - datetime.now().astimezone().replace(tzinfo=None)) < timedelta(seconds=30)
    reversed_number = told["ИНН"].to_bytes(6, "big")
    assert int.from_bytes(reversed_number, "little") == TAXPAYER
    # its names run from bit 0, its bits from bit 7: "24 hours over" (bit 7) stands at the name of bit 0
    assert told["Флаги ФП"]["ФП 1"] == 1


def test_the_fiscal_storage(lab, client):
    lab.fault("till", "fn-memory-low")
    status = client.fs_state()
    assert status["Номер ФН"] == FN_NUMBER.decode() or status["Номер ФН"] == FN_NUMBER
    assert "смена открыта" in str(status.params.values())
    warnings = next(value for name, value in status.params.items() if "предупрежд" in name.lower())
    assert [name for name, on in warnings.items() if on] == [
        "Переполнение памяти ФН (Архив ФН заполнен на 90%)"
    ]


def test_the_queue_to_the_operator(lab, client):
    lab.fault("till", "ofd-queue-old")
    told = client.fs_info_exchange()
    assert told["Количество сообщений для ОФД"] == 212
    age = (
        datetime.now().astimezone().replace(tzinfo=None)
        - told["Дата и время документа для ОФД первого в очереди"]
    )
    assert age.days == 27
    assert told["Статус информационного обмена"]["Транспортное соединение установлено"] == 1
    assert client.fs_unconfirmed_document_count()["Количество неподтверждённых ФД"] == 212


def test_expiry_and_shift(lab, client):
    lab.fault("till", "fn-expiring")
    dates = [value for value in client.fs_expiration_time().params.values() if hasattr(value, "year")]
    assert (dates[0] - datetime.now().astimezone().date()).days == 20
    shift = client.fs_shift_params()
    assert (shift["Состояние смены"], shift["Номер смены"]) == ("смена открыта", 58)


@pytest.mark.parametrize(("fault", "code"), [("wrong-password", 0x4F), ("still-printing", 0x50)])
def test_errors_reach_it(lab, client, fault, code):
    from pyshtrih.excepts import Error

    lab.fault("till", fault)
    with pytest.raises(Error) as caught:
        client.state()
    assert caught.value.code == code


def test_a_cashier_s_password_is_enough_for_the_short_status_only(client):
    from pyshtrih.excepts import Error

    client.password = 1
    assert client.state()[MODE].num == 2
    with pytest.raises(Error) as caught:
        client.full_state()
    assert caught.value.code == 0x4F


def test_an_error_of_the_storage(lab, client):
    from pyshtrih.excepts import Error

    lab.fault("till", "fn-queue-too-old")
    with pytest.raises(Error, match="Исчерпан ресурс Ожидания передачи сообщения"):
        client.fs_info_exchange()


def test_a_damaged_answer_is_given_again(lab, client):
    lab.fault("till", "bad-checksum-once")
    assert client.state()[MODE].num == 2


def test_what_changes_something_is_recorded(lab, client):
    before = list(lab.device("till").writes)
    client.beep()
    client.z_report()
    assert lab.device("till").writes[len(before) :] == ["13", "41"]
