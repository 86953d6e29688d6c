"""The query reader: a route that takes query parameters refuses every other one, and every value that it cannot honour.

A route that takes none does not look at the query. Lists may be written as OpenAI's clients do, ``include[]=a``, or
``include=a``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from starlette.requests import Request

from antiphon.errors import ApiError
from antiphon.suggestion import meant

MAX_PARAM: Final = 200
MAX_DIGITS: Final = 15


class Query:
    """The parameters of one request.

    Args:
        request: the request.
        names: the parameters that the route takes.

    Raises:
        ApiError: 400 ``unknown_parameter``, for another one.
    """

    def __init__(self, request: Request, *names: str) -> None:
        self._values: dict[str, list[str]] = {name: [] for name in names}
        for name, value in request.query_params.multi_items():
            known = self._values.get(name.removesuffix("[]"))
            if known is None:
                raise _unknown(name, names)
            known.append(value)

    def text(self, name: str) -> str | None:
        """Return a parameter's text, or None if it was not sent.

        Raises:
            ApiError: 400 ``invalid_value``, if it was sent twice.
        """
        values = self._values[name]
        if len(values) > 1:
            raise ApiError("invalid_value", f"`{name}`: This may be sent once.", param=name)
        return values[0] if values else None

    def flag(self, name: str) -> bool | None:
        """Return a boolean, written as in JSON, or None if it was not sent.

        Raises:
            ApiError: 400 ``invalid_type``, for anything else.
        """
        text = self.text(name)
        if text not in {None, "true", "false"}:
            raise ApiError("invalid_type", f"`{name}`: This must be `true` or `false`.", param=name)
        return None if text is None else text == "true"

    def number(self, name: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds, both included, or None if it was not sent.

        Raises:
            ApiError: 400 ``invalid_type``, for anything else; ``out_of_range``.
        """
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= MAX_DIGITS):
            raise ApiError("invalid_type", f"`{name}`: This must be a whole number.", param=name)
        if not least <= int(text) <= most:
            raise ApiError("out_of_range", f"`{name}`: This must be {least} to {most}.", param=name)
        return int(text)

    def word(self, name: str, known: Collection[str]) -> str | None:
        """Return one of the known words, or None if it was not sent.

        Raises:
            ApiError: 400 ``unsupported_value``, for another one.
        """
        text = self.text(name)
        if text is not None:
            _require_known(name, text, known)
        return text

    def words(self, name: str, known: Collection[str]) -> list[str]:
        """Return a list of known words.

        Raises:
            ApiError: 400 ``unsupported_value``, for another one.
        """
        for value in self._values[name]:
            _require_known(name, value, known)
        return self._values[name]


def _unknown(name: str, known: Collection[str]) -> ApiError:
    word = meant(name, known)
    message = "There is no such query parameter." + (f" Did you mean `{word}`?" if word else "")
    return ApiError("unknown_parameter", message, param=name[:MAX_PARAM], complete=word is not None)


def _require_known(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        listed = ", ".join(f"`{word}`" for word in known)
        raise ApiError("unsupported_value", f"`{name}`: This must be one of {listed}.", param=name)
