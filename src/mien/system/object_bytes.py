"""Objects as bytes and back, without pickle: numbers, texts, containers, arrays, and instances of listed classes.

Layout: eight letters, the length of a JSON header in eight bytes, the header, and the bytes of all arrays one after the other.
Nothing in it is run or imported: a class or a name that is not listed is refused, and so is a field too many or too few.
"""

import dataclasses
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mien.types import Array

_MAGIC = b"mienobj1"
_DTYPES = {np.dtype(name) for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")}


@dataclass(frozen=True, slots=True)
class ObjectLimits:
    """Sizes up to which bytes are read: 63 faces at 2 MB each, half a second ahead, with room to spare."""

    header_bytes: int = 64 << 20
    array_bytes: int = 1 << 30
    most_dimensions: int = 4
    text_letters: int = 10_000


LIMITS = ObjectLimits()
Fields = Mapping[type, tuple[str, ...]]
"""Classes whose instances are stored, each with the names of all its fields."""


class ObjectBytes:
    """Writer and reader of objects.

    `classes` are the listed ones. `named` objects are not stored: their names are, and the reader puts its own objects of these
    names in their place. Objects that are met twice are one object again.
    """

    def __init__(self, classes: Fields, named: Mapping[str, object]) -> None:
        self._fields = {_name(cls): (cls, names) for cls, names in classes.items()}
        self._named = dict(named)

    def write(self, value: object, about: Mapping[str, Any]) -> bytes:
        """Return the bytes of an object; `about` is plain JSON that the reader has to expect. Raises `TypeError`."""
        writing = _Writing(self._fields, {id(each): name for name, each in self._named.items()})
        tree = writing.node(value)
        head = {"about": about, "arrays": [_shape_of(each) for each in writing.arrays], "value": tree}
        header = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
        blobs = (each.tobytes("A" if each.flags.f_contiguous else "C") for each in writing.arrays)
        return b"".join((_MAGIC, len(header).to_bytes(8, "big"), header, *blobs))

    def read(self, content: bytes, about: Mapping[str, Any]) -> Any:
        """Return the object of bytes that `write` made; raises `ValueError`, which says what is wrong."""
        try:
            head, rest = _opened(content)
            if head.get("about") != json.loads(json.dumps(about)):
                raise ValueError("it belongs to something else")
            return _Reading(self._fields, self._named, _arrays(head.get("arrays"), rest)).whole(head.get("value"))
        except (RecursionError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            raise ValueError(f"it is damaged: {error}") from error


def fields_of(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass."""
    return tuple(each.name for each in dataclasses.fields(cls))


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _shape_of(array: Array) -> list[Any]:
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return [array.dtype.name, list(array.shape), order]


@dataclass(slots=True)
class _Writing:
    """One object on its way to bytes. `seen` holds the numbers of finished nodes by identity, `kept` keeps them alive."""

    classes: Mapping[str, tuple[type, tuple[str, ...]]]
    names: Mapping[int, str]
    arrays: list[Array] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)

    def node(self, value: object) -> Any:
        if id(value) in self.names and value is not None:
            return {"named": self.names[id(value)]}
        plain = _plain(value)
        if plain is not None or value is None:
            return plain
        if id(value) in self.seen:
            return {"same": self.seen[id(value)]}
        node = self._whole(value)
        self.seen[id(value)] = len(self.kept)
        self.kept.append(value)
        return node

    def _whole(self, value: object) -> dict[str, Any]:
        kind = type(value)
        if kind is np.ndarray:
            return self._array(np.asarray(value))
        if isinstance(value, deque) and kind is deque:
            return {"deque": [self.node(each) for each in value], "most": value.maxlen}
        if isinstance(value, set | frozenset) and kind in {set, frozenset}:
            return {kind.__name__: [self.node(each) for each in sorted(value)]}
        if isinstance(value, list | tuple) and kind in {list, tuple}:
            return {kind.__name__: [self.node(each) for each in value]}
        if isinstance(value, dict) and kind is dict:
            return {"dict": [[self.node(key), self.node(each)] for key, each in value.items()]}
        known = self.classes.get(_name(kind))
        if known is None or known[0] is not kind:
            raise TypeError(f"{_name(kind)} is not stored")
        own = getattr(value, "__dict__", None)
        if own is not None and set(own) != set(known[1]):
            raise TypeError(f"{_name(kind)} has other fields than are listed: {', '.join(sorted(set(own) ^ set(known[1])))}")
        return {"new": _name(kind), "fields": [self.node(getattr(value, name)) for name in known[1]]}

    def _array(self, value: Array) -> dict[str, Any]:
        if value.dtype not in _DTYPES or value.ndim > LIMITS.most_dimensions:
            raise TypeError(f"an array of {value.dtype} {value.shape} is not stored")
        self.arrays.append(value)
        return {"array": len(self.arrays) - 1}


def _plain(value: object) -> Any:
    """Return a value that JSON holds by itself, with its exact type; None for any other."""
    kind = type(value)
    if kind in {bool, int, str} or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
        return value
    if kind is float:
        return {"float": str(value)}
    if isinstance(value, Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    if isinstance(value, np.generic) and value.dtype in _DTYPES:
        number = value.item()
        return {"number": value.dtype.name, "is": number if not isinstance(number, float) else number.hex()}
    return None


def _opened(content: bytes) -> tuple[dict[str, Any], memoryview]:
    start = len(_MAGIC) + 8
    if len(content) < start or content[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it is not of this kind")
    length = int.from_bytes(content[len(_MAGIC) : start], "big")
    if length > min(LIMITS.header_bytes, len(content) - start):
        raise ValueError("it is cut short")
    head = json.loads(content[start : start + length])
    if not isinstance(head, dict):
        raise ValueError("its header is not an object")
    return head, memoryview(content)[start + length :]


def _arrays(described: Any, rest: memoryview) -> list[Array]:
    """Return the arrays, each with memory of its own; together they are all that is left."""
    found: list[Array] = []
    place = 0
    if not isinstance(described, list) or len(rest) > LIMITS.array_bytes:
        raise ValueError("its arrays are missing or too large")
    for name, shape, order in described:
        dtype = np.dtype(str(name))
        if dtype not in _DTYPES or len(shape) > LIMITS.most_dimensions or order not in {"C", "F"}:
            raise ValueError("an array is of an unknown kind")
        if any(type(side) is not int or side < 0 for side in shape):
            raise ValueError("an array has an impossible shape")
        size = math.prod(shape) * dtype.itemsize
        if place + size > len(rest):
            raise ValueError("it is cut short")
        flat = np.frombuffer(rest[place : place + size], dtype).copy()
        found.append(flat.reshape(shape, order=order))
        place += size
    if place != len(rest):
        raise ValueError("bytes follow its end")
    return found


@dataclass(slots=True)
class _Reading:
    """One object on its way from bytes; `done` are the finished nodes, in order."""

    classes: Mapping[str, tuple[type, tuple[str, ...]]]
    named: Mapping[str, object]
    arrays: list[Array]
    done: list[Any] = field(default_factory=list)

    def whole(self, node: Any) -> Any:
        return self._value(node)

    def _value(self, node: Any) -> Any:
        if node is None or type(node) in {bool, int, float}:
            return node
        if isinstance(node, str):
            if len(node) > LIMITS.text_letters:
                raise ValueError("a text is too long")
            return node
        if not isinstance(node, dict) or not node:
            raise ValueError("a node is of an unknown kind")
        kind = next(iter(node))
        given = node[kind]
        if kind in _SMALL:
            return _SMALL[kind](given, node)
        if kind == "named":
            return self.named[given]
        if kind == "same":
            if type(given) is not int or not 0 <= given < len(self.done):
                raise ValueError("an object refers to none")
            return self.done[given]
        value = self._made(kind, given, node)
        self.done.append(value)
        return value

    def _made(self, kind: str, given: Any, node: Mapping[str, Any]) -> Any:
        if kind == "array":
            if type(given) is not int or not 0 <= given < len(self.arrays):
                raise ValueError("an array is missing")
            return self.arrays[given]
        if kind == "new":
            return self._object(given, node["fields"])
        if kind == "dict":
            return {self._value(key): self._value(each) for key, each in given}
        if kind == "deque":
            return deque(self._each(given), node["most"])
        if kind not in _CONTAINERS:
            raise ValueError(f"{kind[:20]!r} is of an unknown kind")
        return _CONTAINERS[kind](self._each(given))

    def _each(self, given: Any) -> Iterator[Any]:
        if not isinstance(given, list):
            raise ValueError("a container is not a list")
        return map(self._value, given)

    def _object(self, name: Any, given: Any) -> Any:
        known = self.classes.get(name)
        if known is None:
            raise ValueError(f"{str(name)[:80]!r} is of an unknown kind")
        cls, names = known
        values = list(self._each(given))
        if len(values) != len(names):
            raise ValueError(f"{cls.__name__} has other fields than are listed")
        made: Any = object.__new__(cls)
        for each, value in zip(names, values, strict=True):
            object.__setattr__(made, each, value)
        # What a frozen value checks when it is made is checked here, too.
        check = getattr(made, "__post_init__", None)
        if check is not None and made.__dataclass_params__.frozen:
            check()
        return made


_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def _number(kind: Any, node: Mapping[str, Any]) -> Any:
    dtype, given = np.dtype(str(kind)), node["is"]
    if dtype not in _DTYPES:
        raise ValueError("a number is of an unknown kind")
    return dtype.type(float.fromhex(given) if isinstance(given, str) else given)


_SMALL = {
    "float": lambda given, node: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[given],
    "fraction": lambda given, node: Fraction(int(given[0]), int(given[1])),
    "number": _number,
}
