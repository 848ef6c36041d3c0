"""Inputs and outputs of a family, and the check of an opened session against them.

Exports of one model differ in the names of their tensors, so a port is found by any of its names, else by its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mien.contracts import Session
from mien.errors import ModelMismatch

Shape = tuple[int | str | None, ...]
_REMEDY = "use the file of the catalogue"


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a family: the names that exports give it, its shape, and the types it may have.

    A dimension without a number is free. An `optional` port may be absent.
    """

    names: tuple[str, ...]
    shape: Shape
    dtypes: tuple[str, ...] = ("float32", "float16")
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A port as it was found in a session: `name`, `dtype` and `shape` are the session's; free dimensions are the port's."""

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The tensors of a session in the order of the ports; None for an optional port that is absent."""

    inputs: tuple[TensorInfo | None, ...]
    outputs: tuple[TensorInfo | None, ...]

    def taken(self, number: int) -> TensorInfo:
        """Return the tensor of an input that is not optional."""
        tensor = self.inputs[number]
        assert tensor is not None
        return tensor

    def given(self, number: int) -> TensorInfo:
        """Return the tensor of an output that is not optional."""
        tensor = self.outputs[number]
        assert tensor is not None
        return tensor


def bind(model_id: str, session: Session, inputs: Sequence[Port], outputs: Sequence[Port]) -> Bound:
    """Find every port; raises `ModelMismatch`, with the expected and the found one.

    Inputs must all be known, outputs beyond the ports are left alone.
    """
    taken = match_ports(model_id, "input", session.inputs, session.dtypes, inputs)
    surplus = set(session.inputs) - {tensor.name for tensor in taken if tensor is not None}
    if surplus:
        raise ModelMismatch(f"{model_id} wants an input {min(surplus)!r} that its family does not have", _REMEDY)
    return Bound(taken, match_ports(model_id, "output", session.outputs, session.dtypes, outputs))


def match_ports(
    model_id: str, what: str, found: Mapping[str, Shape], dtypes: Mapping[str, str], ports: Sequence[Port]
) -> tuple[TensorInfo | None, ...]:
    """Return the tensors of `found` in the order of the ports, by name or else by place; raises `ModelMismatch`."""
    free = [name for name in found if not any(name in port.names for port in ports)]
    tensors: list[TensorInfo | None] = []
    for port in ports:
        name = next((each for each in port.names if each in found), None)
        if name is None and free and not (port.optional and not fits(found[free[0]], port.shape)):
            name = free.pop(0)
        if name is None:
            if not port.optional:
                raise ModelMismatch(f"{model_id} has no {what} {port.names[0]!r}, only {sorted(found)}", _REMEDY)
            tensors.append(None)
            continue
        if not fits(found[name], port.shape):
            raise ModelMismatch(
                f"{model_id}: {what} {name!r} has shape {shape_text(found[name])}, expected is {shape_text(port.shape)}",
                _REMEDY,
            )
        if dtypes[name] not in port.dtypes:
            raise ModelMismatch(
                f"{model_id}: {what} {name!r} holds {dtypes[name]}, expected is {' or '.join(port.dtypes)}", _REMEDY
            )
        shape = tuple(own if isinstance(own, int) else wanted for own, wanted in zip(found[name], port.shape, strict=True))
        tensors.append(TensorInfo(name, shape, dtypes[name]))
    return tuple(tensors)


def expect(model_id: str, found: Mapping[str, Shape], wanted: Mapping[str, Shape], what: str) -> None:
    """Raise `ModelMismatch` unless all `wanted` names are there with their shapes; a free dimension fits anything."""
    for name, shape in wanted.items():
        if name not in found:
            raise ModelMismatch(f"{model_id} has no {what} {name!r}, only {sorted(found)}", _REMEDY)
        if not fits(found[name], shape):
            raise ModelMismatch(
                f"{model_id}: {what} {name!r} has shape {shape_text(found[name])}, not {shape_text(shape)}", _REMEDY
            )


def fits(found: Shape, wanted: Shape) -> bool:
    """Return True for shapes that can be the same; a free dimension fits any."""
    return len(found) == len(wanted) and all(
        not isinstance(a, int) or not isinstance(b, int) or a == b for a, b in zip(wanted, found, strict=True)
    )


def shape_text(shape: Shape) -> str:
    """Return a shape in words, such as `1 x 3 x ? x 128`."""
    return " x ".join(str(size) if isinstance(size, int) else "?" for size in shape) or "a single value"
