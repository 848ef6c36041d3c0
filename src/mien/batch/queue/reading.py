"""Strict reading of JSON objects: every field has its type and bounds, and none is left over."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")


class WrongSpec(ValueError):
    """A field is missing, left over, or holds what it must not."""


class Fields:
    """Fields of one object. Every method raises `WrongSpec` for a field that is missing or of another type."""

    def __init__(self, what: str, value: object) -> None:
        if not isinstance(value, dict):
            raise WrongSpec(f"{what} is not an object")
        self._what = what
        self._values: dict[str, Any] = dict(value)
        self._read: set[str] = set()

    def done(self) -> None:
        """Raise `WrongSpec` for a field that was not read."""
        left = sorted(set(self._values) - self._read)
        if left:
            raise WrongSpec(f"{self._what} has an unknown field {left[0]!r}")

    def text(self, name: str) -> str:
        """Read text."""
        return self._typed(name, str, "text")

    def is_text(self, name: str) -> bool:
        """Return whether a field holds text."""
        return isinstance(self._values.get(name), str)

    def boolean(self, name: str) -> bool:
        """Read true or false."""
        return self._typed(name, bool, "true or false")

    def integer(self, name: str, low: int, high: int) -> int:
        """Read a whole number from `low` to `high`."""
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise WrongSpec(f"{name} is not a whole number from {low} to {high}")
        return value

    def number(self, name: str) -> float:
        """Read a finite number."""
        return _number(name, self._get(name))

    def numbers(self, name: str, most: int) -> list[float]:
        """Read a list of finite numbers."""
        return [_number(name, each) for each in self._items(name, most)]

    def pairs(self, name: str, most: int) -> Iterator[tuple[float, float]]:
        """Read a list of pairs of finite numbers."""
        for each in self._items(name, most):
            if not isinstance(each, list) or len(each) != 2:
                raise WrongSpec(f"{name} holds something that is not a pair")
            yield _number(name, each[0]), _number(name, each[1])

    def word(self, name: str, words: tuple[str, ...]) -> Any:
        """Read one of these words."""
        value = self._get(name)
        if value not in words:
            raise WrongSpec(f"{name} is not one of: {', '.join(words)}")
        return value

    def texts(self, name: str, most: int) -> list[str]:
        """Read a list of texts."""
        found = self._items(name, most)
        if not all(isinstance(each, str) for each in found):
            raise WrongSpec(f"{name} holds something that is not text")
        return found

    def fields(self, name: str) -> "Fields":
        """Read an object."""
        return Fields(name, self._get(name))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Read an object whose fields are checked elsewhere."""
        return self._typed(name, dict, "an object")

    def objects(self, name: str, most: int) -> list["Fields"]:
        """Read a list of at most `most` objects."""
        return [Fields(name, each) for each in self._items(name, most)]

    def optional(self, name: str, read: Callable[[str], Value]) -> Value | None:
        """Read null as None, and all else by `read`."""
        return None if self._get(name) is None else read(name)

    def _items(self, name: str, most: int) -> list[Any]:
        found: list[Any] = self._typed(name, list, "a list")
        if len(found) > most:
            raise WrongSpec(f"{name} has more than {most} entries")
        return found

    def _typed(self, name: str, kind: type[Value], words: str) -> Value:
        value = self._get(name)
        if not isinstance(value, kind):
            raise WrongSpec(f"{name} is not {words}")
        return value

    def _get(self, name: str) -> Any:
        if name not in self._values:
            raise WrongSpec(f"{self._what} has no field {name!r}")
        self._read.add(name)
        return self._values[name]


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise WrongSpec(f"{name} is not a number")
    return float(value)
