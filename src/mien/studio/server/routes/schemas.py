"""Answers of the studio as programs see them: the models behind /api/openapi.json.

Each states what is there; what a newer studio adds passes through, so that a program of today goes on working.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An object of an answer; unknown fields are passed on."""

    model_config = ConfigDict(extra="allow")


class ErrorAnswer(Answer):
    """Answer to a request that fails. `error` and `remedy` are English; `key` and `values` say the same to other languages."""

    error: str
    remedy: str
    code: str
    key: str
    values: dict[str, Any]


JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "a JPEG"}}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}, "description": "the file"}}
"""Answers that are no JSON, for the routes that give them."""
FAILS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorAnswer, "description": "what went wrong, and what to do"}}
"""Answers of every route to requests that fail."""


class Made(Answer):
    """Id of what was added."""

    id: str


class NamedClip(Made):
    """Id and name of an uploaded file, to be looped as input."""

    name: str


class ConsentRow(Answer):
    """A statement of consent; times in UTC, None = not."""

    id: str
    statement: str
    photo: str
    given_at: str
    adult_at: str | None
    revoked_at: str | None


class FaceMade(Made):
    """Id of an added face, and the earlier statement of consent that was used for it; None for one that was stated now."""

    earlier_consent: ConsentRow | None


class Photos(Answer):
    """Number of photos of a face."""

    photos: int


class ChosenFace(Answer):
    """The face that is worn, None = none."""

    face: str | None


class Saved(Answer):
    """State of saving: True once a face is stored."""

    saved: bool


class SettingsAnswer(Answer):
    """All settings by name."""

    settings: dict[str, Any]


class PresetApplied(SettingsAnswer):
    """Settings after a preset; `left_out` names what could not be changed: a face that is gone, settings of a newer mien."""

    left_out: list[str]


class PresetsImported(Answer):
    """All presets by name; `left_out` are settings that only a newer mien knows."""

    presets: dict[str, dict[str, Any]]
    left_out: list[str]


class Told(Answer):
    """A sentence for people, and the key and values by which a page says it in its own language; no key: it has no other."""

    text: str
    key: str
    values: dict[str, Any]


class Face(Answer):
    """A face of the gallery; `score` rates its photo from 0 to 100, None until a saved photo is opened."""

    id: str
    name: str
    consent: str
    saved: bool
    photos: int
    warnings: list[Told]
    score: int | None


class InputState(Answer):
    """The live input: `kind` and `spec` as they were chosen, and what became of it."""

    kind: str
    spec: dict[str, Any]
    revision: int
    state: str
    message: str
    remedy: str
    code: str
    width: int
    height: int


class Covered(Answer):
    """State of the cover: True while every frame is veiled on request."""

    on: bool


class SoundState(Answer):
    """The microphone; `device` None = no sound."""

    device: str | None
    state: str
    message: str
    code: str


class Output(Answer):
    """An output of the live picture. `seal` says whether a recording is signed; `result`: it can be downloaded."""

    id: str
    kind: str
    target: str
    state: str
    message: str
    remedy: str
    code: str
    seal: str
    recovered: bool
    frames: int
    seconds: float
    result: bool
    receipt: bool


class Job(Answer):
    """A file in the queue. `frames` of `total` are done; `receipt`: it has one beside the result; `stopping`: it is about to.

    `state` is waiting, running, paused, done, failed or cancelled; `code` is that of the error of a failed job. `notes` are
    those of one that is done.
    """

    id: str
    name: str
    kind: str
    state: str
    message: str
    remedy: str
    code: str
    notes: list[Told]
    frames: int
    total: int | None
    doing: str
    picture: bool
    receipt: bool
    stopping: bool
    people: bool


class GivenPart(Answer):
    """A person of the live picture and the face that they wear; None = their own."""

    number: int
    face: str | None


class People(Answer):
    """Wearers of the live picture and their faces; `enrolling` is the share of a running enrolment that is done."""

    reach: str
    others: str
    enrolled: bool
    given: list[GivenPart]
    enrolling: float | None


class SettingRow(Answer):
    """A setting: its default, bounds and choices."""

    name: str
    default: Any
    help: str
    group: str
    low: float | None
    high: float | None
    choices: list[Any]
    several: list[str]
    role: str
    kind: Literal["bool", "int", "float", "str"]


class FilmRow(Answer):
    """A file whose people are looked for; its `revision` grows with every change of its cards."""

    id: str
    job: str | None
    name: str
    state: str
    message: str
    remedy: str
    code: str
    frames: int
    total: int | None
    picture: bool
    people: int
    revision: int


class MergedCard(Answer):
    """A card that was merged into another one."""

    key: int
    number: int


class FilmCard(Answer):
    """A person of a film; times in seconds, `height` of the face in pixels, `share` of the picture's height."""

    key: int
    number: int
    name: str
    wears: str | None
    views: int
    best_s: float
    seconds: float
    share: float
    height: float
    times: list[tuple[float, float]]
    merged: list[MergedCard]
    not_in: list[tuple[float, float]]


class Film(FilmRow):
    """A film with its people; `unknown` are times with faces that nobody could be told by."""

    seconds: float | None
    step_s: float
    notes: list[Told]
    others: str
    start_s: float | None
    end_s: float | None
    unknown: list[tuple[float, float]]
    beyond: int
    cards: list[FilmCard]


class Trouble(Answer):
    """Failure and its remedy."""

    message: str
    remedy: str


class ModelsState(Answer):
    """Models that are being opened: `wanted` are the settings that wait for them."""

    state: str
    wanted: list[tuple[str, Any]]
    message: str
    remedy: str
    code: str
    notes: list[Told]


class ContentState(Answer):
    """The content check of the live picture."""

    state: str
    message: str
    remedy: str
    code: str


class StudioState(Answer):
    """Everything that the page shows, except the figures; a higher `revision` of the same `run` is newer."""

    version: str
    run: str
    revision: int
    covered: bool
    shared: bool
    settings: dict[str, Any]
    trouble: Trouble | None
    models: ModelsState
    table: list[SettingRow]
    consents: list[str]
    terms: str
    faces: list[Face]
    stand_ins: list[Face]
    face: str | None
    people: People
    input: InputState
    content: ContentState
    sound: SoundState
    outputs: list[Output]
    presets: dict[str, dict[str, Any]]
    jobs: list[Job]
    films: list[FilmRow]
    browser_camera: str | None


class Latency(Answer):
    """Milliseconds from the capture to the output; None before the first frame."""

    median: float | None
    p95: float | None


class Metrics(Answer):
    """Figures of the live picture and of this process; `cpu_percent` 100 = one core.

    `why` names what keeps an input from being shown with the face: of the input `opening`, `lost`, `silent` (live, without a
    picture); `starting` (models are loading), `first` (the first picture is being made), `asked`, `no_face` (none is chosen),
    `dark`, `turned`, `hand`, `unseen`, `slow`, `content`, `failed`; empty while the face is worn, or without an input.
    """

    fps: float
    capture_fps: float
    frames: int
    dropped: int
    latency_ms: Latency
    stages_ms: dict[str, float]
    cpu_percent: float
    memory_mb: float
    shown: str
    shown_frames: dict[str, int]
    crowded: bool
    why: str
    sound_delay_ms: float | None
