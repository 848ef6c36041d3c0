"""Stand-in for PyAV that refuses to open a live source."""

import errno

import pytest
from av.container import InputContainer

from mien.errors import SourceLost
from mien.media.capture import live_input
from mien.media.capture.live_input import LiveInput, Opening


class Refusal:
    """Stand-in for `open_live` that remembers what it is asked to open and refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = errno.EINVAL) -> None:
        self.openings: list[Opening] = []
        self._number = number
        monkeypatch.setattr(live_input, "open_live", self)

    def __call__(self, opening: Opening, silence_s: float) -> InputContainer:
        self.openings.append(opening)
        raise OSError(self._number, "no")

    def of(self, source: LiveInput) -> list[tuple[str, str | None, dict[str, str]]]:
        """Return what a source asks to open: file, format and options."""
        with pytest.raises(SourceLost), source:
            pass
        return [(opening.file, opening.format, dict(opening.options)) for opening in self.openings]
