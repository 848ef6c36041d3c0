"""Typed rows: all that is read from the database is checked here, because a file on a disk may hold anything."""

import math
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")
Read = Callable[[object], Any]
"""Function that returns the value of a column; raises `ValueError` with the expected kind."""


class DamagedRow(ValueError):
    """A row holds what mien never writes."""


@dataclass(frozen=True, slots=True)
class Table(Generic[Made]):
    """Reader of the rows of a table; `make` gets the columns in order."""

    name: str
    columns: Mapping[str, Read]
    make: Callable[..., Made]

    def rows(self, connection: sqlite3.Connection, rest: str = "", parameters: Sequence[object] = ()) -> list[Made]:
        """Select rows; `rest` is the SQL after the table's name. Raises `DamagedRow` for one of a wrong type."""
        found = connection.execute(f"SELECT {', '.join(self.columns)} FROM {self.name} {rest}", parameters)
        return [self.make(*map(self._value, self.columns.items(), row)) for row in found]

    def _value(self, column: tuple[str, Read], value: object) -> Any:
        name, read = column
        try:
            return read(value)
        except ValueError as error:
            raise DamagedRow(f"{self.name}.{name} holds {_shown(value)}, not {error}") from None


def text(value: object) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def blob(value: object) -> bytes:
    """Read bytes."""
    if not isinstance(value, bytes):
        raise ValueError("bytes")
    return value


def real(value: object) -> float:
    """Read a finite number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number")
    return float(value)


def integer(low: int, high: int) -> Read:
    """Read whole numbers from `low` to `high`."""

    def read(value: object) -> int:
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return read


PROCESS = integer(0, (1 << 32) - 1)
"""Process numbers, of any system."""


def hexadecimal(value: object) -> int:
    """Read a non-negative number of at most 256 bits, written in hexadecimal digits."""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{1,64}", value):
        raise ValueError("a hexadecimal number")
    return int(value, 16)


def time(value: object) -> datetime:
    """Read an ISO 8601 time with its zone; returned in UTC."""
    try:
        moment = datetime.fromisoformat(text(value))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("a time with its zone")


def optional(read: Read) -> Read:
    """Read NULL as None, and all else by `read`."""
    return lambda value: None if value is None else read(value)


def together(*values: Any) -> tuple[Any, ...]:
    """Make a plain tuple of a row."""
    return values


def _shown(value: object) -> str:
    shown = "NULL" if value is None else ascii(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
