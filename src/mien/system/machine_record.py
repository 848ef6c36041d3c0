"""Record of what the comparison found on this machine: the fast ways of computing that gave wrong numbers."""

import contextlib
import json
import secrets
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from mien.system.processor import processor_digest

FILE = "machine.json"
_COMPUTING = ("mien", "numba", "onnxruntime")  # packages whose other versions may compute otherwise


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """Fast ways that may be used: kernels compiled for this very processor, networks as onnxruntime optimises them.

    `checked` is False before a check; the fast ways are used then.
    """

    kernels: bool = True
    networks: bool = True
    checked: bool = False


def read_record(folder: Path | None) -> MachineRecord:
    """Return the record in the folder of compiled kernels; a damaged one, or one of another processor, counts as none.

    What was found wrong is not used until it is compared again; what was found right is compared again when packages change.
    """
    if folder is None:
        return MachineRecord()
    try:
        row = json.loads((folder / FILE).read_text("utf-8"))
        if row["processor"] != processor_digest():
            return MachineRecord()
        checked = row["software"] == _software()
        return MachineRecord(row["kernels"] is not False, row["networks"] is not False, checked)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return MachineRecord()


def write_record(folder: Path, record: MachineRecord) -> None:
    """Write the record whole or not at all: half of one would count as none. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{FILE}.{secrets.token_hex(8)}.part"
    try:
        row: dict[str, object] = {"kernels": record.kernels, "networks": record.networks}
        row |= {"processor": processor_digest(), "software": _software()}
        draft.write_text(json.dumps(row), "utf-8")
        draft.replace(folder / FILE)
    finally:
        draft.unlink(missing_ok=True)


@cache
def _software() -> str:
    found = []
    for name in _COMPUTING:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join(found)
