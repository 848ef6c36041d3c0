"""Objects as bytes: the same again, bit for bit, and nothing but what is listed."""

import contextlib
import json
import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mien.system.object_bytes import ObjectBytes, fields_of
from mien.types import Landmarks


@dataclass(slots=True)
class _Pair:
    first: Any
    second: Any


class _Plain:
    def __init__(self) -> None:
        self.level = np.float32(0.1)


class _Unlisted:
    pass


ABOUT = {"plan": "abc", "part": 3}
TUNING = object()


def _codec() -> ObjectBytes:
    classes = {_Pair: fields_of(_Pair), _Plain: ("level",), Landmarks: fields_of(Landmarks)}
    return ObjectBytes(classes, {"tuning": TUNING})


def _again(value: object) -> Any:
    return _codec().read(_codec().write(value, ABOUT), ABOUT)


def test_values_come_back_with_their_types() -> None:
    value = {
        1: [True, 2, -0.0, 0.1, math.inf, "word", None],
        ("a", 2): deque([1, 2], maxlen=3),
        "sets": (frozenset({3, 1}), {2}),
        "ratio": Fraction(1001, 30000),
        "number": np.float32(0.1),
        "count": np.int64(7),
    }
    found = _again(value)
    assert found == value
    assert found["a", 2].maxlen == 3
    assert type(found["number"]) is np.float32
    assert type(found["count"]) is np.int64
    assert math.copysign(1, found[1][2]) == -1
    assert math.isnan(_again(math.nan))


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_bit_by_bit_in_their_order_and_can_be_changed(order: Any) -> None:
    array = np.asarray(np.random.default_rng(1).normal(size=(3, 5)), np.float64, order=order)
    found = _again(array)
    assert found.tobytes("A") == array.tobytes("A")
    assert found.flags.f_contiguous == array.flags.f_contiguous
    found[0, 0] = 1
    assert _again(np.zeros((0, 2), np.bool_)).shape == (0, 2)
    assert _again(array[:, ::2]).tolist() == array[:, ::2].tolist()


def test_one_object_stays_one_object_and_named_ones_stay_outside() -> None:
    shared = np.arange(3)
    found = _again(_Pair([shared, TUNING], _Pair(shared, _Plain())))
    assert found.first[0] is found.second.first
    assert found.first[1] is TUNING
    assert found.second.second.level == np.float32(0.1)


def test_what_is_not_listed_is_not_written() -> None:
    for value in (_Unlisted(), lambda: 1, np.array(["text"]), b"bytes", type("_Pair", (), {})()):
        with pytest.raises(TypeError):
            _codec().write(value, ABOUT)
    grown = _Plain()
    grown.more = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="more"):
        _codec().write(grown, ABOUT)


def test_bytes_of_something_else_are_refused() -> None:
    written = _codec().write([1], ABOUT)
    with pytest.raises(ValueError, match="something else"):
        _codec().read(written, {**ABOUT, "part": 4})
    for damaged in (b"", written[:-1], written[:20], b"x" + written[1:], written + b"0"):
        with pytest.raises(ValueError, match=r"."):
            _codec().read(damaged, ABOUT)


def _with(value: object, arrays: list[Any], rest: bytes = b"") -> bytes:
    header = json.dumps({"about": ABOUT, "arrays": arrays, "value": value}).encode()
    return b"mienobj1" + len(header).to_bytes(8, "big") + header + rest


@pytest.mark.parametrize(
    "content",
    [
        _with({"new": "os.system", "fields": ["true"]}, []),
        _with({"new": f"{__name__}._Pair", "fields": [1]}, []),
        _with({"new": f"{__name__}._Pair", "fields": [1, 2, 3]}, []),
        _with({"new": "mien.types.Landmarks", "fields": [{"array": 0}, 1.0]}, [["float32", [1], "C"]], bytes(4)),
        _with({"named": "other"}, []),
        _with({"same": 0}, []),
        _with({"array": 0}, []),
        _with({"array": 0}, [["float32", [-1], "C"]]),
        _with({"array": 0}, [["float32", [1 << 40], "C"]]),
        _with({"array": 0}, [["object", [1], "C"]], bytes(8)),
        _with({"array": 0}, [["float32", [1, 1, 1, 1, 1], "C"]], bytes(4)),
        _with({"array": 0}, [["float32", [1], "C"]], bytes(8)),
        _with({"dict": [[{"list": []}, 1]]}, []),
        _with({"list": 1}, []),
        _with({"deque": [], "most": "many"}, []),
        _with({"number": "float32", "is": "word"}, []),
        _with({"fraction": [1, 0]}, []),
        _with({}, []),
        _with("x" * 20_000, []),
    ],
)
def test_made_up_bytes_are_refused_without_running_anything(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        _codec().read(content, ABOUT)


def test_deep_bytes_are_refused() -> None:
    deep = '{"list":[' * 5000 + "1" + "]}" * 5000
    header = f'{{"about":{json.dumps(ABOUT)},"arrays":[],"value":{deep}}}'.encode()
    with pytest.raises(ValueError, match=r"."):
        _codec().read(b"mienobj1" + len(header).to_bytes(8, "big") + header, ABOUT)


def test_any_changed_byte_gives_an_error_or_a_value() -> None:
    written = bytearray(_codec().write(_Pair(np.arange(4), {"a": 1.5}), ABOUT))
    draw = np.random.default_rng(3)
    for _ in range(2000):
        place = int(draw.integers(len(written)))
        before, written[place] = written[place], int(draw.integers(256))
        with contextlib.suppress(ValueError):
            _codec().read(bytes(written), ABOUT)
        written[place] = before
