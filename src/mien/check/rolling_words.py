"""Rolling words: two people who met share a secret once; every minute it gives each side a pair of words.

The asker says the first pair, the answerer the second. A pair has 22 bits and is good for its minute and the two beside it;
within them, it can be passed on. It proves the secret, not a face: a stolen phone has both.
"""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mien.errors import UsageError

Role: TypeAlias = Literal["asker", "answerer"]
"""Side of a call: the asker says its pair first."""
Outcome: TypeAlias = Literal["right", "another time", "wrong"]
"""Finding on a pair: of this minute or its neighbours; of another minute of the same hour; of none."""
MINUTE_S = 60  # for which a pair is good: long enough to be said twice
_SECRET_BYTES = 16  # 128 bits
_WORD_BITS = 11  # of 2,048 words
_NEIGHBOURS = 1  # minutes by which the clocks of the two sides may differ
_TOLD_MINUTES = 60  # a pair of another minute this near is named: a clock is wrong, or somebody repeats what was said
_PREFIX = "mien-words-1:"
_FIRST = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "bl", "gr", "st", "tr")
_SECOND = ("d", "k", "l", "m", "n", "r", "s", "t")
_VOWELS = ("a", "e", "i", "o")


def word(number: int) -> str:
    """Return one of 2,048 words, by rule: consonant, vowel, consonant, vowel; said alike in English and German."""
    if not 0 <= number < 1 << _WORD_BITS:
        raise ValueError(f"there are {1 << _WORD_BITS} words, got {number}")
    first, second = divmod(number, len(_SECOND) * len(_VOWELS))
    return f"{_syllable(_FIRST, first)}{_syllable(_SECOND, second)}"


def _syllable(consonants: tuple[str, ...], number: int) -> str:
    consonant, vowel = divmod(number, len(_VOWELS))
    return f"{consonants[consonant]}{_VOWELS[vowel]}"


@dataclass(frozen=True, slots=True)
class Secret:
    """Secret of two people."""

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != _SECRET_BYTES:
            raise ValueError(f"a secret has {_SECRET_BYTES} bytes, got {len(self.value)}")

    @classmethod
    def new(cls) -> "Secret":
        """Return a random secret."""
        return cls(secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def of_text(cls, text: str) -> "Secret":
        """Return the secret of a text of `text`, as a QR code holds it. Raises `UsageError`."""
        given = text.strip().removeprefix(_PREFIX)
        try:
            return cls(base64.b32decode(given.upper() + "=" * (-len(given) % 8)))
        except (ValueError, binascii.Error):
            raise UsageError(
                "this is not a secret of mien's words", "read the QR code again, or type all its letters"
            ) from None

    @property
    def text(self) -> str:
        """Text for a QR code: letters and digits that survive being typed."""
        return _PREFIX + base64.b32encode(self.value).decode("ascii").rstrip("=")

    def pair(self, role: Role, minute: int) -> str:
        """Return the two words of a side in a minute, counted from the epoch."""
        digest = hmac.digest(self.value, role.encode() + minute.to_bytes(8, "big"), "sha256")
        bits = int.from_bytes(digest[:4], "big") >> (32 - 2 * _WORD_BITS)
        return f"{word(bits >> _WORD_BITS)} {word(bits & ((1 << _WORD_BITS) - 1))}"

    def check(self, role: Role, said: str, now_s: float) -> tuple[Outcome, int]:
        """Return the finding on what a side said, and by how many minutes it is away."""
        heard = " ".join(said.lower().split()).encode("utf-8", "replace")
        minute = int(now_s // MINUTE_S)
        # All are compared, whatever the first ones say: the time must not tell.
        near = range(max(-_TOLD_MINUTES, -minute), _TOLD_MINUTES + 1)
        matches = [away for away in near if hmac.compare_digest(self.pair(role, minute + away).encode(), heard)]
        away = min(matches, key=abs, default=None)
        if away is None:
            return "wrong", 0
        return ("right" if abs(away) <= _NEIGHBOURS else "another time"), away
