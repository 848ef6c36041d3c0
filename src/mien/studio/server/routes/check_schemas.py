"""Answers about the check of a call: three words and what is asked, no measurement."""

from typing import Literal

from mien.studio.server.routes.schemas import Answer, ErrorAnswer

Seen = Literal["seen", "not seen", "cannot tell"]


class CheckCue(Answer):
    """The request of the moment; `kind` is empty between two."""

    phase: Literal["settling", "waiting", "asked", "done"]
    kind: Literal["", "hand", "profile", "up", "cheek", "blink", "colours"]
    side: Literal["", "left", "right"]
    count: int


class CheckAnswer(Answer):
    """Answer to a request: one of three words and its reason; `has_film`: a slow repeat is kept."""

    kind: str
    side: str
    count: int
    seen: Seen
    reason: str
    has_film: bool


class CheckCompared(Answer):
    """Comparison with the photo: one of three words, and why it is no clearer."""

    seen: Seen
    reason: Literal["", "few", "between"]


class CheckState(Answer):
    """The check of a call: its phase, whether mark and badge were seen, the request of the moment, and the answers.

    `said` is what the host said about the list of what helps; None = no answer. `photo` is the name of the photo that waits for
    the next check, `compared` what was seen of this one's.
    """

    phase: Literal["none", "opening", "watching", "ended", "failed"]
    source: str | None = None
    live: bool | None = None
    looks: int
    seconds: int | None = None
    lost: str | None = None
    mark: Seen | None = None
    badge: Seen | None = None
    request: CheckCue | None = None
    answers: list[CheckAnswer]
    said: dict[str, bool | None]
    photo: str
    compared: CheckCompared | None = None
    error: ErrorAnswer | None


class SharedPair(Answer):
    """Person with whom words are shared, and the pair that the host says in this minute."""

    name: str
    pair: str


class PairOutcome(Answer):
    """Finding on a pair of words; `stopped`: three were wrong, and the words have stopped."""

    outcome: Literal["right", "another time", "wrong", "stopped"]


class ShownWindow(Answer):
    """A window of the desktop; `id` is its number, which stands in place of its title where several have the same."""

    id: str
    title: str
