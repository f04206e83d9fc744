"""The web service of ATOL's driver ("Web Requests"), with a simulated register behind it.

Source: devices.md section 4a; the wrapped results, 404 and 409 as a clone has them that was compared with Web
Requests 1.0.4.0. Requests run one after another, each task for `task_s` seconds; a locked queue runs none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from probes.lab.devices.atol_register import FAULTS, Register
from probes.lab.devices.web_service import Said, WebService, document

if TYPE_CHECKING:
    from datetime import datetime

    from probes.lab.devices.web_service import Asked

_OPERATIONS: Final = {
    "queryDeviceInfo": "getDeviceInfo",
    "queryDeviceStatus": "getDeviceStatus",
    "queryShiftStatus": "getShiftStatus",
    "queryFnInfo": "getFnInfo",
    "queryFnStatus": "getFnStatus",
    "queryOfdExchangeStatus": "ofdExchangeStatus",
}
_READ_TASKS: Final = frozenset({*_OPERATIONS.values(), "getRegistrationInfo"})
# Errors of the driver: the whole register is out of reach, or its storage is.
_DRIVER: Final = {
    "no-connection": (2, "Нет связи"),
    "port-busy": (3, "Порт занят"),
    "port-unavailable": (4, "Порт недоступен"),
    "device-busy": (55, "ККТ занята"),
    "driver-password": (71, "Неверный пароль"),
    "link-lost": (241, "Соединение потеряно"),
}
_NO_STORAGE = (166, "ФН не найден")
_BLOCKS: Final = {
    "queue-blocked-connection": "connectionError",
    "queue-blocked-paper": "paperError",
    "queue-blocked-storage": "fnError",
}
_PHASES = {0: "init", 1: "configured", 3: "fiscalMode", 7: "postFiscalMode", 15: "accessArchive"}
_STORAGE_TASKS = {"getFnInfo", "getFnStatus", "ofdExchangeStatus", "getRegistrationInfo"}
USER = "kassa:kassaPass123"


class AtolWebServer(WebService):
    """The service and its register.

    Faults of the service: `not-activated`, `no-device`, `needs-password`, `no-operations` (an older server:
    its queue only), `legacy` (older still: no /api/v2), `queue-stuck` (nothing in the queue runs),
    `server-error` (505 to everything), and why its queue is locked. The rest is the register's.
    """

    protocol = "atol"
    faults = (
        (FAULTS - {"printer-link", "mechanical-error", "cutter-error", "overheated", "document-open"})
        | _DRIVER.keys()
        | _BLOCKS.keys()
        | {"not-activated", "no-device", "needs-password", "no-operations", "legacy", "queue-stuck"}
        | {"server-error", "device-blocked", "no-licence"}
    )
    task_s = 0.05

    def __init__(self) -> None:
        super().__init__()
        self.register = Register()
        self.active = self.register.active
        self._requests: dict[str, tuple[list[str], datetime]] = {}

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day."""
        super().set_clock(wall, now)
        self.register.set_clock(wall, 0.0)
        self._started = wall

    def operation(self, asked: Asked) -> str:
        """Return method and path, for a request with its tasks."""
        tasks = ",".join(_tasks(asked.body)) if asked.body else ""
        return f"{super().operation(asked)} {tasks}".strip()

    def changes(self, asked: Asked) -> bool:
        """Questions are GETs, operations that query, and requests whose tasks all read."""
        path = urlsplit(asked.path).path
        if asked.method == "POST" and path.startswith("/api/v2/operations/query"):
            return False
        if asked.method == "POST" and path in {"/api/v2/requests", "/requests"}:
            return not set(_tasks(asked.body)) <= _READ_TASKS
        return super().changes(asked)

    def respond(self, asked: Asked, wall: datetime) -> Said:
        """Return the answer to a request."""
        path = urlsplit(asked.path).path
        if "legacy" in self.active:
            if path.startswith("/api/"):
                return Said(404, b"<html>404</html>", "text/html")
            path = {"/stat/requests": "/api/v2/getRequestsQueueStatus"}.get(path, f"/api/v2{path}")
        if not path.startswith("/api/v2/"):
            return _error(404, 505, f"{asked.method} {path}")
        call = path.removeprefix("/api/v2/")
        if call == "serverInfo":
            return document({"serverVersion": "1.0.4.0", "driverVersion": "10.10.5.0", "os": "linux"})
        if "needs-password" in self.active and not _knows_password(asked):
            said = _error(401, 505, "unauthorized")
            return said._replace(challenge='Basic realm="ATOL"')
        if "server-error" in self.active:
            return _error(500, 505, "Internal error")
        return self._call(asked, call, wall)

    def _call(self, asked: Asked, call: str, wall: datetime) -> Said:
        first, _, rest = call.partition("/")
        if "no-device" in self.active:
            return _error(404, 505, "Устройство по умолчанию не задано")
        if first == "devices" and asked.method == "GET":
            active = "not-activated" not in self.active
            return document(
                {"id": "1", "name": "ATOL", "isDefault": True, "isActive": active, "lastError": ""}
            )
        if "not-activated" in self.active:
            return _error(403, 505, "ККТ [1] не подключена")
        if first == "operations" and asked.method == "POST":
            return self._operation(rest, wall)
        if first == "requests":
            return self._request(asked, rest, wall)
        known = first == "getRequestsQueueStatus"
        queue = {"number": len(self._requests), **self._block()}
        return document(queue) if known else _error(404, 505, f"{asked.method} {call}")

    def _operation(self, name: str, wall: datetime) -> Said:
        if "no-operations" in self.active or name not in _OPERATIONS:
            return _error(404, 505, name)
        done = self._carry_out(_OPERATIONS[name], wall)
        return _error(400, *done) if isinstance(done, tuple) else document(done)

    def _request(self, asked: Asked, uuid: str, wall: datetime) -> Said:
        if asked.method == "POST" and not uuid:
            tasks, name = _tasks(asked.body), _uuid(asked.body)
            if not tasks or not name:
                return _error(400, 501, "Поле 'request' не задано или пустое")
            if name in self._requests:
                return _error(409, 505, "задание с таким UUID уже есть")
            self._requests[name] = (tasks, wall)
            return document({"number": len(self._requests), "uuid": name, **self._block()}, 201)
        if asked.method != "GET" or uuid not in self._requests:
            return _error(404, 505, f"Задание с UUID [{uuid}] не найдено")
        tasks, put = self._requests[uuid]
        return document({"results": [self._result(task, put, wall) for task in tasks]})

    def _result(self, task: str, put: datetime, wall: datetime) -> dict[str, object]:
        if "queue-stuck" in self.active or self._block()["isBlocked"]:
            return self._told("wait", (0, ""), None)
        if (wall - put).total_seconds() < self.task_s:
            return self._told("inProgress", (0, ""), None)
        done = self._carry_out(task, wall)
        if isinstance(done, tuple):
            return self._told("error", done, None)
        return self._told("ready", (0, "Ошибок нет"), done)

    def _told(self, status: str, error: tuple[int, str], result: object) -> dict[str, object]:
        code, said = error
        if "legacy" in self.active:
            return {"status": status, "errorCode": code, "errorDescription": said, "result": result}
        return {"status": status, "error": {"code": code, "description": said}, "result": result}

    def _block(self) -> dict[str, object]:
        reason = next((_BLOCKS[fault] for fault in sorted(self.active & _BLOCKS.keys())), "")
        uuid = "1b671a64-40d5-491e-99b0-da01ff1f3341" if reason else ""
        return {"isBlocked": bool(reason), "blockReason": reason, "blockedUUID": uuid}

    def _carry_out(self, task: str, wall: datetime) -> dict[str, object] | tuple[int, str]:
        """Return the task's values, or the driver's error."""
        for fault, error in _DRIVER.items():
            if fault in self.active:
                return error
        if "no-licence" in self.active:
            return 189, "Нет лицензии"
        if task in _STORAGE_TASKS and "fn-missing" in self.active:
            return _NO_STORAGE
        now = (wall - self._started).total_seconds()
        values = {
            "getDeviceStatus": self._status,
            "getShiftStatus": self._shift,
            "getFnInfo": self._fn_info,
            "getFnStatus": self._fn_status,
            "ofdExchangeStatus": self._exchange,
            "getRegistrationInfo": self._registration,
            "getDeviceInfo": self._info,
        }
        return values[task](now) if task in values else (501, "Ошибка парсинга запроса")

    def _info(self, _now: float) -> dict[str, object]:
        info = {"modelName": "АТОЛ 30Ф", "serial": self.register.serial, "firmwareVersion": "5.8.18"}
        return {"deviceInfo": {**info, "ffdVersion": "1.2"}}

    def _registration(self, _now: float) -> dict[str, object]:
        device = {"registrationNumber": self.register.registration}
        return {
            "organization": {"vatin": "7701234567"},
            "device": device,
            "ofd": {"host": "operator.example"},
        }

    def _shift(self, now: float) -> dict[str, object]:
        end, state = _iso(self.register.shift_end(now)), self.register.shift
        return {"shiftStatus": {"state": state, "number": 57, "expiredTime": end, "documentsCount": 42}}

    def _status(self, now: float) -> dict[str, object]:
        values: dict[str, object] = {
            "currentDateTime": _iso(self.register.clock(now)) + "+03:00",
            "shift": self.register.shift,
            "blocked": "device-blocked" in self.active,
            "coverOpened": "cover-open" in self.active,
            "paperPresent": "paper-out" not in self.active,
            "fiscal": self.register.fiscalised,
            "fnFiscal": self.register.phase == 3,
            "fnPresent": "fn-missing" not in self.active,
            "cashDrawerOpened": "drawer-open" in self.active,
        }
        return {"deviceStatus": values}

    def _warnings(self) -> dict[str, bool]:
        names = ("needReplacement", "resourceExhausted", "memoryOverflow", "ofdTimeout")
        bits = self.register.fn_warnings
        warnings = {name: bool(bits >> bit & 1) for bit, name in enumerate(names)}
        return {**warnings, "criticalError": bool(bits & 0x80)}

    def _fn_status(self, _now: float) -> dict[str, object]:
        return {"fnStatus": {"fiscalDocumentNumber": 4711, "warnings": self._warnings()}}

    def _fn_info(self, now: float) -> dict[str, object]:
        values: dict[str, object] = {
            "serial": self.register.fn_number,
            "version": "fn_v_1_1_2",
            "validityDate": f"{self.register.expires(now):%Y.%m.%d}",
            "registrationsRemaining": 28,
            "livePhase": _PHASES[self.register.phase],
            "warnings": self._warnings(),
        }
        return {"fnInfo": values}

    def _exchange(self, now: float) -> dict[str, object]:
        first = self.register.first_unsent_at(now)
        failed = not self.register.transport_up
        network = {"code": 2 if failed else 0, "description": "Нет связи с ОФД" if failed else ""}
        return {
            "status": {
                "notSentCount": self.register.unsent,
                "notSentFirstDocNumber": self.register.first_unsent_number,
                "notSentFirstDocDateTime": _iso(first) + "+03:00" if first else "1970-01-01T00:00:00+03:00",
            },
            "errors": {"network": network, "ofd": {"code": 0, "description": ""}},
        }


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="seconds")


def _error(status: int, code: int, description: str) -> Said:
    return document({"error": {"code": code, "description": description}}, status)


def _body(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _uuid(body: bytes) -> str:
    return str(_body(body).get("uuid", ""))


def _tasks(body: bytes) -> list[str]:
    """Return the types of a request's tasks; `?` for one that has none."""
    tasks = _body(body).get("request", [])
    listed = tasks if isinstance(tasks, list) else [tasks]
    return [str(task.get("type", "?")) if isinstance(task, dict) else "?" for task in listed]


def _knows_password(asked: Asked) -> bool:
    from base64 import b64encode

    return asked.headers.get("authorization") == "Basic " + b64encode(USER.encode()).decode()
