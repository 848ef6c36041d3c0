"""Record of what `mien doctor --check` found on this machine: the fast ways of computing that gave wrong numbers."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from mien.system.processor import processor_digest

FILE = "machine.json"


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """Fast ways that may be used: kernels compiled for this very processor, networks as onnxruntime optimises them.

    `checked` is False before a check; the fast ways are used then.
    """

    kernels: bool = True
    networks: bool = True
    checked: bool = False


def read_record(folder: Path | None) -> MachineRecord:
    """Return the record in the folder of compiled kernels; one of another processor, or a damaged one, counts as none."""
    if folder is None:
        return MachineRecord()
    try:
        row = json.loads((folder / FILE).read_text("utf-8"))
        if row["processor"] != processor_digest():
            return MachineRecord()
        return MachineRecord(row["kernels"] is not False, row["networks"] is not False, checked=True)
    except (OSError, ValueError, KeyError, TypeError):
        return MachineRecord()


def write_record(folder: Path, record: MachineRecord) -> None:
    """Write the record whole or not at all: half of one would count as none. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{FILE}.{secrets.token_hex(8)}.part"
    try:
        draft.write_text(json.dumps({**asdict(record), "processor": processor_digest()}), "utf-8")
        draft.replace(folder / FILE)
    finally:
        draft.unlink(missing_ok=True)
