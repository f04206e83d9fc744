"""Error bodies of the JSON API: {"errors": [{"error", "code", "parameter"?, "moreInfo"}]}.

The codes and what they mean are documented; which HTTP status goes with which code is documented in general
only (401, 403, 404, 412, 413, 415, 429, 503), so that the single rows are UNVERIFIED.
"""

from __future__ import annotations

from typing import Any

from integrations.lab.portal import Said, document

_MORE = "https://dev.moysklad.ru/doc/api/remap/1.2/#error_{code}"
# code -> (HTTP status, text as the system says it)
ERRORS = {
    1000: (404, "Элемент URI не является идентификатором"),
    1002: (404, "Неопознанный путь"),
    1005: (404, "Неизвестный тип"),
    1016: (403, "Доступ запрещен: у вас нет прав на просмотр данного объекта"),
    1021: (404, "Объект не найден"),
    1034: (400, "Ошибка фильтрации"),
    1035: (400, "Ошибка фильтрации: неверный формат даты параметра фильтрации"),
    1039: (405, "Операция не поддерживается для данного ресурса"),
    1040: (400, "Неверно заданы параметры запроса"),
    1047: (400, "Вы не можете обновить поле syncId в запросе на обновление сущности"),
    1048: (401, "Превышено ограничение на количество попыток проверки имени и пароля"),
    1049: (429, "Превышено ограничение на количество запросов в единицу времени"),
    1052: (400, "Неверный формат UUID"),
    1056: (401, "Ошибка аутентификации: Неправильный пароль или имя пользователя или ключ авторизации"),
    1059: (412, "Некорректный сервер в идентификаторе объекта"),
    1061: (403, "Отсутствует доступ к API для данного пользователя"),
    1065: (409, "Ошибка сохранения объекта: объект уже изменен/удален в параллельном запросе"),
    1070: (403, "Ошибка: ваш тарифный план не позволяет вам работать с данным ресурсом"),
    1073: (429, "Превышено ограничение на одновременное количество запросов"),
    1074: (503, "Сервис временно недоступен, ведутся технические работы"),
    1085: (400, "Используемый тип авторизации не содержит информацию о пользователе"),
    1095: (503, "Пожалуйста, повторите попытку через некоторое время. Приложение временно недоступно"),
    1998: (400, "Домен online.moysklad.ru в JSON API 1.2 больше не поддерживается"),
    2001: (400, "Ошибка формата: входящий запрос не соответствует формату JSON"),
    2007: (413, "Ошибка формата: слишком большое число вложенных объектов"),
    3000: (412, "Ошибка сохранения объекта: поле не может быть пустым или отсутствовать"),
    55008: (403, "Не установлено решение для работы с API"),
}


class RemapError(Exception):
    """A request that is refused with a code of the table."""

    def __init__(self, code: int, parameter: str = "", *headers: tuple[str, str]) -> None:
        self.code = code
        self.parameter = parameter
        self.headers = headers
        super().__init__(str(code))

    def said(self) -> Said:
        """Return the answer."""
        status, text = ERRORS[self.code]
        error: dict[str, Any] = {"error": text, "code": self.code, "moreInfo": _MORE.format(code=self.code)}
        if self.parameter:
            error["parameter"] = self.parameter
        return document({"errors": [error]}, status, *self.headers)
