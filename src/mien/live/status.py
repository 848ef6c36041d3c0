"""The state of a running part in one word, with what went wrong and what can be done."""

from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=str)


@dataclass(frozen=True, slots=True)
class Status(Generic[S]):
    """A state, one of a Literal; `message`, `remedy` and the error's `code` are empty unless something went wrong."""

    state: S
    message: str = ""
    remedy: str = ""
    code: str = ""
