"""Fuzzer: feeds damaged files to every reader of untrusted files, in processes that may die.

A command: scripts/fuzz [TARGET...] --seconds 600.

A target is a function that takes a path and may raise nothing but `MienError`. Files that kill, hang or
surprise it are kept under --keep. Every case follows from its seed and number, so that
a run can be repeated.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import TypeAlias

from mien.batch.queue import spec as specs
from mien.batch.queue.database import QueueDatabase
from mien.batch.queue.store import JobStore
from mien.commands.jobs_template import read_template
from mien.errors import MienError
from mien.models.format.onnx_policy import check_safe
from mien.models.format.onnx_walk import read_graph
from mien.provenance.credentials.read import read_credentials
from mien.provenance.report.declared import declarations
from mien.provenance.report.history import history, thumbnail_of
from mien.provenance.report.parts import parts_of
from mien.provenance.signing.detached import check_document, signature_of, signature_path
from mien.provenance.signing.installation import open_signer
from mien.provenance.verify import Verifier
from mien.settings import Setting, Settings, from_mapping, read_file, table
from mien.studio.session.database import StudioDatabase
from mien.studio.session.presets import Presets, checked, values_of
from mien.swap.hiding.decisions import decided, read_decisions
from mien.swap.people.corrections import read_people
from mien.swap.people.roster import FILE_NAME, as_bytes
from tests.support import kinds, signed
from tests.support.queues import a_job, a_spec
from tests.support.rosters import roster, written
from tests.support.standins import all_families, make_small

Target: TypeAlias = Callable[[Path], object]


def _model(path: Path) -> None:
    check_safe(path.name, read_graph(path))


def _verified(path: Path) -> None:
    """Run the whole verifier. Its search takes ten times as long as the rest: one case in ten runs it."""
    search = zlib.crc32(path.read_bytes()) % _SEARCH_EVERY_CASES == 0
    Verifier([], None, Settings(), search=search).examine(path)


def _configured(path: Path) -> None:
    from_mapping(read_file(path))


def _presets(path: Path) -> None:
    """Read presets as an earlier version kept them, as another machine exported them, or in a damaged database."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(path, Path(folder) / ("presets.json" if path.suffix == ".json" else StudioDatabase.FILE))
        kept = Presets(StudioDatabase(Path(folder))).all()
        checked(kept)


def _people(path: Path) -> None:
    """Read the people of a folder, of which the record or the sheet is damaged."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = written(Path(folder), roster(5, films=2), _SHEET)
        shutil.copyfile(path, sheet if path.suffix == ".toml" else sheet.with_name(FILE_NAME))
        read_people(sheet)


def _queue(path: Path) -> None:
    """Read the spec of a job, a template, or all jobs of a damaged queue."""
    if path.suffix == ".json":
        specs.read(path.read_text("utf-8", "replace"))
    elif path.suffix == ".toml":
        read_template(path)
    else:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copyfile(path, Path(folder) / QueueDatabase.FILE)
            store = JobStore(Path(folder))
            try:
                for job in store.all():
                    store.report_of(job.id)
                    store.preview_of(job.id)
                while (claimed := store.claim("nobody")) is not None:
                    specs.read(claimed.spec)
            finally:
                store.close()


def _reported(path: Path) -> None:
    """Read what a report takes from the container and the metadata of a file, or a signature beside a document."""
    if path.suffix == ".sig":
        document = path.with_name("document")
        document.write_bytes(b"words")
        shutil.copyfile(path, signature_path(document))
        check_document(document, ())
        return
    layout, parts = parts_of(path)
    declarations(path, layout, parts)
    history(path, layout, parts)
    thumbnail_of(parts)


def _decisions(path: Path) -> None:
    """Read decisions on what is covered, and check them against a film."""
    found = read_decisions(path.read_bytes())
    decided(found, (), array("d", [0.0, 0.04, 0.08]), (64, 36))


TARGETS: dict[str, Target] = {
    "credentials": read_credentials,
    "receipt": read_credentials,
    "verify": _verified,
    "model": _model,
    "settings": _configured,
    "presets": _presets,
    "people": _people,
    "decisions": _decisions,
    "report": _reported,
    "queue": _queue,
}
"""Targets by name."""
_SHEET = """\
[person.1]
name = "Bob"
wear = "bob.jpg"
merge = [2, 3]
not = ["film0.mp4 00:12-00:13", "film1.mp4 1:03.5 - 2:00"]
"""
_DECISIONS = b"""{"mien_decisions": 1, "target_sha256": "ab", "start": null, "end": 0.5,
"faces": [], "regions": [{"from": 0.04, "to": 0.08, "box": [1, 2.5, 30, 20]}]}"""
_SEARCH_EVERY_CASES = 10
_RECEIPT_SHARE = 0.8
"""Share of the files with a receipt whose receipt is damaged instead of the file."""
_HANG_S = 20.0  # chosen, not measured
_MAX_MEMORY_BYTES = 4 << 30
_STARTS = (
    b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08",
    b"II+\0\x08\0\0\0", b"\0\0\0\x18ftypisom\0\0\0\0", b"\0\0\0\x14ftypqt  ", b"\0\0\0\x18ftypavif", b"",
)  # fmt: skip
_NUMBERS = (0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Sample:
    """Sound file: its bytes, its suffix, and the receipt beside it if it has one."""

    content: bytes
    suffix: str
    receipt: bytes | None = None


def samples(name: str, folder: Path) -> list[Sample]:
    """Return sound files for a target: models, settings, or signed files made in `folder`."""
    match name:
        case "model":
            return [Sample(make_small(family), ".onnx") for family in all_families()]
        case "settings":
            return [Sample("".join(map(_line, rows)).encode(), ".toml") for rows in _sheets()]
        case "presets":
            return list(_preset_files(folder))
        case "people":
            return [Sample(_SHEET.encode(), ".toml"), Sample(as_bytes(roster(5, films=2), Path("/films")), ".json")]
        case "queue":
            return list(queue_files(folder))
        case "decisions":
            return [Sample(_DECISIONS, ".json")]
        case "report":
            return list(_report_files(folder))
        case "receipt":
            return [sample for sample in _signed(folder, signed.RECEIPT_KINDS) if sample.receipt is not None]
        case _:
            return _signed(folder, signed.KINDS)


def _signed(folder: Path, kinds: Sequence[str]) -> list[Sample]:
    return [
        Sample(path.read_bytes(), path.suffix, receipt.read_bytes() if receipt.exists() else None)
        for path in signed.signed_files(folder, kinds=kinds)
        for receipt in (path.with_name(path.name + ".c2pa"),)
    ]


def _sheets() -> list[list[Setting]]:
    """Return all settings together, and each alone."""
    rows = list(table())
    return [rows, *([row] for row in rows)]


def _preset_files(folder: Path) -> Iterator[Sample]:
    given = {"stage": values_of(Settings()), "call": {"opacity": 0.5, "eyes": "target"}}
    yield Sample(json.dumps(given).encode(), ".json")
    database = StudioDatabase(folder)
    Presets(database).keep(given)
    yield Sample((folder / database.FILE).read_bytes(), ".sqlite")


def queue_files(folder: Path) -> Iterator[Sample]:
    """Yield a spec, a template, and a queue."""
    text = specs.written(a_spec())
    yield Sample(text.encode(), ".json")
    yield Sample(
        b'kind = "swap"\nphoto = "me.jpg"\nalso = ["b.jpg"]\nname = "{stem}-x{suffix}"\n[settings]\nquality = 90\n', ".toml"
    )
    store = JobStore(folder)
    store.add([replace(a_job(name), spec=text) for name in "abc"])
    owner = store.new_owner()
    claimed = store.claim(owner)
    assert claimed is not None
    store.finish(claimed.job.id, owner, {"notes": []}, "", 1, 1)
    store.close()
    yield Sample((folder / QueueDatabase.FILE).read_bytes(), ".sqlite")


def _report_files(folder: Path) -> Iterator[Sample]:
    """Yield a file of each kind that reports read, and a signature."""
    for name, write in kinds.KINDS.items():
        write(folder / name)
        yield Sample((folder / name).read_bytes(), Path(name).suffix)
    yield Sample(signature_of(b"words", "document", open_signer(folder / "identity"), datetime.now(UTC)), ".sig")


def _line(row: Setting) -> str:
    """Return a setting in TOML, which writes numbers, text and booleans as JSON does."""
    return f"{row.name} = {json.dumps(row.default)}\n"


def broken(chance: random.Random, sounds: Sequence[Sample]) -> Sample:
    """Return one of the samples, damaged in one of several ways."""
    sample = chance.choice(sounds)
    if chance.random() < 0.05:
        return Sample(chance.choice(_STARTS) + chance.randbytes(chance.randrange(4096)), sample.suffix)
    other = chance.choice(sounds)
    if sample.receipt is not None and chance.random() < _RECEIPT_SHARE:
        return Sample(sample.content, sample.suffix, _damage(chance, sample.receipt, other.receipt or other.content))
    return Sample(_damage(chance, sample.content, other.content), sample.suffix, sample.receipt)


def _damage(chance: random.Random, content: bytes, other: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        match chance.randrange(8):
            case 0:
                data[_place(chance, data)] ^= 1 << chance.randrange(8)
            case 1:
                data[_place(chance, data)] = chance.randrange(256)
            case 2:
                del data[_place(chance, data) :]
            case 3:
                start = _place(chance, data)
                del data[start : start + chance.randrange(1, 512)]
            case 4:
                start = _place(chance, data)
                data[start:start] = data[start : start + chance.randrange(1, 4096)]
            case 5:
                start, source = _place(chance, data), chance.randrange(len(other)) if other else 0
                length = chance.randrange(1, 4096)
                data[start : start + length] = other[source : source + length]
            case 6:
                start = _place(chance, data)
                number = struct.pack(chance.choice((">I", "<I", ">H", ">Q")), chance.choice(_NUMBERS[:9]))
                data[start : start + len(number)] = number
            case _:
                start = _place(chance, data)
                data[start : start + 4] = struct.pack(">I", chance.choice(_NUMBERS))
    return bytes(data)


def _place(chance: random.Random, data: bytearray) -> int:
    """Return a position: half of the time within the manifest, if there is one, else anywhere."""
    start = data.find(b"jumb")
    if start < 0 or chance.random() < 0.5:
        return chance.randrange(len(data))
    return min(len(data) - 1, start - 8 + chance.randrange(6000)) if start >= 8 else chance.randrange(len(data))


def lay(sample: Sample, folder: Path) -> Path:
    """Write the sample, and its receipt, as a file in `folder`."""
    path = folder / f"case{sample.suffix}"
    path.write_bytes(sample.content)
    receipt = path.with_name(path.name + ".c2pa")
    receipt.unlink(missing_ok=True)
    if sample.receipt is not None:
        receipt.write_bytes(sample.receipt)
    return path


@dataclass(frozen=True, slots=True)
class Stripe:
    """Cases of one worker: every `step`-th of a seed, from `first` on."""

    seed: int
    first: int
    step: int


def _work(name: str, stripe: Stripe, folder: Path, sounds: Sequence[Sample], done: "Synchronized[int]") -> None:
    import resource  # Not on Windows, where the tests need the rest of this file.

    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = stripe.first
    while True:
        path = lay(broken(random.Random(f"{name} {stripe.seed} {number}"), sounds), folder)
        with contextlib.suppress(MienError):
            TARGETS[name](path)
        number += stripe.step
        done.value = number


def fuzz(name: str, seconds: float, seed: int, keep: Path, jobs: int = 1) -> tuple[int, list[str]]:
    """Run one target in `jobs` processes; return the number of cases and the findings, one line each."""
    with tempfile.TemporaryDirectory() as where, ThreadPoolExecutor(jobs) as pool:
        sounds = samples(name, Path(where))
        end = time.monotonic() + seconds
        runs = [pool.submit(_fuzz_stripe, name, Stripe(seed, first, jobs), end, keep, sounds) for first in range(jobs)]
        results = [run.result() for run in runs]
    return sum(cases for cases, _ in results), [line for _, found in results for line in found]


def _fuzz_stripe(name: str, stripe: Stripe, end: float, keep: Path, sounds: Sequence[Sample]) -> tuple[int, list[str]]:
    """Feed a worker until the time is over; start another where one died or hung."""
    found: list[str] = []
    number = stripe.first
    # All workers are forks of one process that has imported this file, which takes a second of processor time and more.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        while time.monotonic() < end:
            done: Synchronized[int] = context.Value("q", number)
            rest = Stripe(stripe.seed, number, stripe.step)
            worker = context.Process(target=_work, args=(name, rest, folder, sounds, done))
            worker.start()
            why = _watch(worker, done, end)
            number = done.value
            if why is not None:
                found.append(f"{name}: {why} at case {number} of seed {stripe.seed}")
                shutil.copytree(folder, keep / f"{name}-{stripe.seed}-{number}", dirs_exist_ok=True)
                number += stripe.step
    return (number - stripe.first) // stripe.step, found


def _watch(worker: "multiprocessing.process.BaseProcess", done: "Synchronized[int]", end: float) -> str | None:
    """Wait for the end of the time, and for a case at least (None), or for what ended the worker."""
    first = done.value
    seen, since = first, time.monotonic()
    while True:
        worker.join(0.2)
        now = time.monotonic()
        if done.value != seen:
            seen, since = done.value, now
        if not worker.is_alive():
            return f"died with {worker.exitcode}"
        is_over = now >= end and seen != first
        if not is_over and now - since < _HANG_S:
            continue
        worker.kill()
        worker.join()
        return None if is_over else f"hung for {_HANG_S:.0f} s"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other cases (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes beside each other (%(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"), help="folder for what was found (%(default)s)")
    options = parser.parse_args(arguments)
    os.environ.setdefault("RUST_BACKTRACE", "0")
    names = options.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    failed = False
    for name in names:
        cases, found = fuzz(name, options.seconds, options.seed, options.keep, options.jobs)
        sys.stdout.write("".join(f"{line}\n" for line in found))
        sys.stdout.write(f"{name}: {cases} cases, {len(found)} found\n")
        failed |= bool(found)
    return 1 if failed else 0
