"""One interface for the differences between PyAV 18 and PyAV 19."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol, cast

import av
from av import VideoFrame
from av.container import InputContainer
from av.sidedata.sidedata import SideData, Type

# PyAV 18 refuses tags that are not UTF-8 unless told otherwise; PyAV 19 has no such parameter and escapes their bytes.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


class Ratio(Protocol):
    """A rational number of FFmpeg: `fractions.Fraction` in PyAV 18, `av.rational.AVRational` in PyAV 19."""

    @property
    def numerator(self) -> int:
        """Numerator, 0 if unknown."""
        ...

    @property
    def denominator(self) -> int:
        """Denominator, 0 if unknown."""
        ...


def open_reading(
    file: Any,
    *,
    format: str | None = None,  # noqa: A002 - the name that PyAV has for it
    options: Mapping[str, str],
    timeout: tuple[float, float] | None = None,
) -> InputContainer:
    """Open `file`, a name or an object with `read`, tolerating tags that are not UTF-8. Raises the errors of PyAV."""
    container: InputContainer = av.open(file, "r", format=format, options=dict(options), timeout=timeout, **_LENIENT)
    return container


def fraction(value: Ratio | None) -> Fraction | None:
    """Return the number as a `Fraction`, None when FFmpeg does not know it (0 or a division by 0)."""
    if value is None or not value.numerator or not value.denominator:
        return None
    return Fraction(value.numerator, value.denominator)


def known_fraction(value: Ratio | None, default: Fraction) -> Fraction:
    """Return the number as a `Fraction`, `default` when FFmpeg does not know it."""
    return fraction(value) or default


def readable(text: str) -> str:
    """Return a tag with U+FFFD in place of bytes that are not UTF-8, so that it can be printed and stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def readable_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a container, stream or chapter, names and values `readable`."""
    return {readable(key): readable(value) for key, value in tags.items()}


def display_matrix(frame: VideoFrame) -> bytes | None:
    """Return the display matrix of a decoded frame, None if it has none."""
    return side_data(frame, Type.DISPLAYMATRIX)


def side_data(frame: VideoFrame, kind: Type) -> bytes | None:
    """Return the side data of this kind of a decoded frame, None if it has none."""
    # Iteration yields the data in PyAV 18 and its types in PyAV 19; `get` is the same in both.
    found = cast("Mapping[Type, SideData]", frame.side_data).get(kind)
    return None if found is None else bytes(found)
