"""Spec of a job: what it is to do, as JSON with a version, read strictly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from mien.batch.queue.inputs import InputFile
from mien.batch.queue.reading import Fields, WrongSpec
from mien.errors import MienError, UsageError
from mien.settings import Settings, from_mapping, table
from mien.swap.cast import TREATMENTS, Choice, Treatment
from mien.swap.people.identities import Wanted
from mien.swap.people.template import Template

VERSION = 1
"""Of the spec; a newer one is refused."""
_LIMITS = {"faces": 16, "files": 64, "members": 400, "templates": 400, "inputs": 1000, "numbers": 4096}
Sound: TypeAlias = Literal["keep", "drop", "disguise"]
Style: TypeAlias = Literal["solid", "blur", "stand-in"]


@dataclass(frozen=True, slots=True)
class FaceSpec:
    """A face to wear: a photo or clip and further ones of the same person; `number` chooses one of a group.

    `consent` is the statement that was recorded when the job was added, `name` that of the photo for people.
    """

    name: str
    files: tuple[InputFile, ...]
    number: int | None
    consent: str


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """A person to find, and the number of the face to wear, from 0, or a treatment."""

    person: Wanted
    wears: int | Treatment


@dataclass(frozen=True, slots=True)
class SwapSpec:
    """Faces and who wears them: those in `choice` of the rest wear the face `everyone`, what is left has `others`."""

    faces: tuple[FaceSpec, ...]
    everyone: int | None = None
    choice: Choice = "all"
    others: Treatment = "leave"
    members: tuple[MemberSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class HidingSpec:
    """Hiding of faces; fields as the options of `mien anonymise`. `inputs` are the files behind `keep` and `decisions`."""

    style: Style = "solid"
    keep: tuple[str, ...] = ()
    sound: Sound = "keep"
    review: Path | None = None
    decisions: Path | None = None
    write_if_none: bool = False
    inputs: tuple[InputFile, ...] = ()


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A file, what is done with it, and where the result goes; `title` and `target_title` are names in the credentials."""

    target: InputFile
    output: Path
    work: SwapSpec | HidingSpec
    settings: Settings
    overwrite: bool = False
    start_s: float | None = None
    end_s: float | None = None
    title: str | None = None
    target_title: str | None = None

    @property
    def kind(self) -> str:
        """The name of the work: swap or anonymise."""
        return "swap" if isinstance(self.work, SwapSpec) else "anonymise"

    @property
    def inputs(self) -> tuple[InputFile, ...]:
        """All files that are read, the target first."""
        if isinstance(self.work, HidingSpec):
            return (self.target, *self.work.inputs)
        return (self.target, *(file for face in self.work.faces for file in face.files))


def written(spec: JobSpec) -> str:
    """Return the spec as JSON."""
    work = _written_swap(spec.work) if isinstance(spec.work, SwapSpec) else _written_hiding(spec.work)
    values = {
        "version": VERSION,
        "kind": spec.kind,
        "target": _written_file(spec.target),
        "output": str(spec.output),
        "overwrite": spec.overwrite,
        "start_s": spec.start_s,
        "end_s": spec.end_s,
        "title": spec.title,
        "target_title": spec.target_title,
        "settings": differing(spec.settings),
        "work": work,
    }
    return json.dumps(values)


def differing(settings: Settings) -> dict[str, Any]:
    """Return the settings that are not the default ones."""
    return {row.name: value for row in table() if (value := getattr(settings, row.name)) != row.default}


def read(text: str) -> JobSpec:
    """Read a spec. Raises `UsageError` for a newer version, and for anything that is not whole and valid."""
    try:
        found = Fields("the job", json.loads(text))
        version = found.integer("version", 1, 1 << 31)
        if version > VERSION:
            raise UsageError(f"the job was added by a newer mien (version {version} of its spec)", "run it with that one")
        kind = found.word("kind", ("swap", "anonymise"))
        work = found.fields("work")
        spec = JobSpec(
            target=_file(found.fields("target")),
            output=Path(found.text("output")),
            work=_swap(work) if kind == "swap" else _hiding(work),
            settings=_settings(found.mapping("settings")),
            overwrite=found.boolean("overwrite"),
            start_s=found.optional("start_s", found.number),
            end_s=found.optional("end_s", found.number),
            title=found.optional("title", found.text),
            target_title=found.optional("target_title", found.text),
        )
        found.done()
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the job cannot be read: {error}", "remove it, and add it again") from error
    if not spec.output.is_absolute():
        raise UsageError(f"the job cannot be read: {spec.output} is not an absolute name", "remove it, and add it again")
    return spec


def _settings(values: Mapping[str, Any]) -> Settings:
    try:
        return from_mapping(values)
    except MienError as error:
        raise WrongSpec(str(error)) from error


def _written_file(file: InputFile) -> dict[str, Any]:
    return {"path": str(file.path), "size": file.size, "mtime_ns": file.mtime_ns, "sha256": file.sha256}


def _file(found: Fields) -> InputFile:
    most = 1 << 63
    path = Path(found.text("path"))
    if not path.is_absolute():
        raise WrongSpec(f"{path} is not an absolute name")
    file = InputFile(path, found.integer("size", 0, most), found.integer("mtime_ns", -most, most), found.text("sha256"))
    found.done()
    return file


def _written_swap(work: SwapSpec) -> dict[str, Any]:
    return {
        "faces": [
            {"name": each.name, "files": [*map(_written_file, each.files)], "number": each.number, "consent": each.consent}
            for each in work.faces
        ],
        "everyone": work.everyone,
        "choice": work.choice,
        "others": work.others,
        "members": [
            {
                "name": each.person.name,
                "wears": each.wears,
                "templates": [
                    {"mean": [float(value) for value in one.mean], "length": one.length, "looks": one.looks}
                    for one in each.person.templates
                ],
                "not_in_s": [list(times) for times in each.person.not_in_s],
            }
            for each in work.members
        ],
    }


def _swap(found: Fields) -> SwapSpec:
    faces = tuple(_face(each) for each in found.objects("faces", _LIMITS["faces"]))
    if not faces:
        raise WrongSpec("there is no face to wear")
    spec = SwapSpec(
        faces,
        found.optional("everyone", lambda name: found.integer(name, 0, len(faces) - 1)),
        found.word("choice", get_args(Choice)),
        found.word("others", TREATMENTS),
        tuple(_member(each, len(faces)) for each in found.objects("members", _LIMITS["members"])),
    )
    found.done()
    return spec


def _face(found: Fields) -> FaceSpec:
    files = tuple(_file(each) for each in found.objects("files", _LIMITS["files"]))
    if not files:
        raise WrongSpec("a face has no photo")
    number = found.optional("number", lambda name: found.integer(name, 1, 1 << 16))
    face = FaceSpec(found.text("name"), files, number, found.text("consent"))
    found.done()
    return face


def _member(found: Fields, faces: int) -> MemberSpec:
    templates = tuple(_template(each) for each in found.objects("templates", _LIMITS["templates"]))
    times = tuple((start_s, end_s) for start_s, end_s in found.pairs("not_in_s", _LIMITS["numbers"]))
    wears: int | Treatment
    wears = found.word("wears", TREATMENTS) if found.is_text("wears") else found.integer("wears", 0, faces - 1)
    member = MemberSpec(Wanted(found.text("name"), templates, times), wears)
    found.done()
    return member


def _template(found: Fields) -> Template:
    mean = np.array(found.numbers("mean", _LIMITS["numbers"]), np.float32)
    template = Template(mean, found.number("length"), found.integer("looks", 1, 1 << 31))
    found.done()
    return template


def _written_hiding(work: HidingSpec) -> dict[str, Any]:
    return {
        "style": work.style,
        "keep": list(work.keep),
        "sound": work.sound,
        "review": None if work.review is None else str(work.review),
        "decisions": None if work.decisions is None else str(work.decisions),
        "write_if_none": work.write_if_none,
        "inputs": [*map(_written_file, work.inputs)],
    }


def _hiding(found: Fields) -> HidingSpec:
    review, decisions = found.optional("review", found.text), found.optional("decisions", found.text)
    spec = HidingSpec(
        found.word("style", get_args(Style)),
        tuple(found.texts("keep", _LIMITS["files"])),
        found.word("sound", get_args(Sound)),
        None if review is None else Path(review),
        None if decisions is None else Path(decisions),
        found.boolean("write_if_none"),
        tuple(_file(each) for each in found.objects("inputs", _LIMITS["inputs"])),
    )
    found.done()
    return spec
