"""Fake inference sessions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mien.models.format.ports import Shape
from mien.types import Array


@dataclass
class FakeSession:
    """A session that answers what it was told and remembers what it was asked."""

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    answer: dict[str, Array] = field(default_factory=dict)
    asked: list[Mapping[str, Array]] = field(default_factory=list)
    provider: str = "fake"

    @property
    def dtypes(self) -> Mapping[str, str]:
        return dict.fromkeys((*self.inputs, *self.outputs), "float32")

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.asked.append(inputs)
        return self.answer
