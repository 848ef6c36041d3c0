"""The one table of settings: name, default, bounds and help. It feeds the command line, the config file and web forms."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from mien.errors import UsageError

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `low` and `high` bound numbers, `choices` bound words; `group` is where forms put it.

    `several` bounds the words of a list that is written with commas and is empty with "none".
    `role` is set where the value names a model: forms offer the default and the installed models that have this role; the
    model is looked for when it is opened.
    """

    name: str
    default: Value
    help: str
    group: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    role: str = ""
    several: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def check(self, value: object) -> Value:
        """`value` as this setting's type and inside its bounds, or a `UsageError` that names both."""
        kind = type(self.default)
        if kind is bool:
            if isinstance(value, bool):
                return value
            words = {
                "true": True,
                "yes": True,
                "on": True,
                "1": True,
                "false": False,
                "no": False,
                "off": False,
                "0": False,
            }
            if isinstance(value, str) and value.lower() in words:
                return words[value.lower()]
            raise UsageError(f"{self.name} = {value!r} is neither on nor off", f"write {self.name} = true or false")
        if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
            raise UsageError(f"{self.name} = {value!r} is not a {kind.__name__}", self.help)
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise UsageError(f"{self.name} = {value!r} is not a whole number", self.help)
        try:
            convert: Callable[[Any], int | float | str] = kind
            converted = convert(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{self.name} = {value!r} is not a {kind.__name__}", self.help) from None
        if self.several:
            return self._check_several(str(converted))
        if self.choices and converted not in self.choices:
            raise UsageError(f"{self.name} = {converted!r} is unknown", f"choose one of: {', '.join(self.choices)}")
        if isinstance(converted, (int, float)):
            low = -float("inf") if self.low is None else self.low
            high = float("inf") if self.high is None else self.high
            if not low <= converted <= high:
                raise UsageError(f"{self.name} = {converted} is out of bounds", f"choose from {low:g} to {high:g}")
        return converted

    def _check_several(self, listed: str) -> str:
        words = [word.strip() for word in listed.split(",")]
        wrong = [word for word in words if word not in self.several and words != ["none"]]
        if wrong:
            remedy = f"choose from: {', '.join(self.several)}; several with commas"
            raise UsageError(f"{self.name} = {listed!r}: unknown word {wrong[0]!r}", remedy)
        return ",".join(dict.fromkeys(words))


def _row(
    default: Value,
    text: str,
    group: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    role: str = "",
    several: tuple[str, ...] = (),
) -> Any:
    facts = {"help": text, "group": group, "low": low, "high": high, "choices": choices, "role": role, "several": several}
    return field(default=default, metadata=facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One immutable set of values; a change makes a new one."""

    engine: str = _row("mesh", "what swaps the face: mesh, or an installed swapper (`mien models`)", "face", role="swapper")
    opacity: float = _row(1.0, "how much of the new face shows, 0 to 1; below 1 the person shines through", "face", 0.0, 1.0)
    eyes: str = _row(
        "blend",
        "whose eyes are seen; blend = the target's irises between the source's lids",
        "face",
        choices=("blend", "target", "source"),
    )
    gaze: str = _row(
        "target", "where source eyes look: where the target's look, or into the camera", "face", choices=("target", "camera")
    )
    mouth: str = _row(
        "target", "whose inner mouth (teeth, tongue) is seen; source needs a photo that shows teeth", "face",
        choices=("source", "target"),
    )  # fmt: skip
    shape: float = _row(1.0, "how far the face takes the proportions of the source, 0 to 1", "face", 0.0, 1.0)
    light: float = _row(1.0, "how far the new face takes the light and tone of the picture, 0 to 1", "face", 0.0, 1.0)
    grain: float = _row(1.0, "how much of the picture's noise the new face gets, 0 to 1", "face", 0.0, 1.0)
    occlusion: str = _row(
        "files",
        "whether hands and things before the face stay in front of the new one: in files, live too (on; where a hand goes, "
        "your own skin may show for a moment), or never (off)",
        "face",
        choices=("files", "on", "off"),
    )
    sharpness: float = _row(0.0, "how much the fine detail of the new face is lifted, 0 to 1", "face", 0.0, 1.0)
    finish: str = _row(
        "off", "a small network leads the new face's light and colour over to the picture's", "face", choices=("off", "on")
    )  # fmt: skip
    keep_mouth: bool = _row(False, "the wearer's own mouth shows", "face")
    keep_eyes: bool = _row(False, "the wearer's own eyes show", "face")
    keep_brows: bool = _row(False, "the wearer's own eyebrows show", "face")
    resolution: int = _row(512, "the most pixels across a face that are computed in a video", "face", 128, 2048)
    boost: int = _row(1, "how many times finer than its own size a swapping network is made to work", "models", 1, 8)
    morph: float = _row(
        1.0,
        "how far a .dfm model that knows both faces goes over to its own, 0 to 1; at 0 it draws the person as they are",
        "models",
        0.0,
        1.0,
    )
    segmenter: str = _row(
        "none",
        "an installed network that finds things before the face, live too; several with commas",
        "models",
        role="segmenter",
    )
    enhancer: str = _row("none", "an installed network that adds detail to the new face", "models", role="enhancer")
    enhance_blend: float = _row(0.8, "how much of what the enhancer has made shows, 0 to 1", "models", 0.0, 1.0)
    enhance_every: int = _row(
        0,
        "frames from one look of the enhancer to the next; 0 = every frame in files, as often as it can live",
        "models",
        0,
        60,
    )
    fidelity: float = _row(0.5, "how near CodeFormer stays to what it is given, 0 to 1", "models", 0.0, 1.0)
    device: str = _row(
        "auto",
        "what installed models run on; auto = the fastest that works",
        "models",
        choices=("auto", "tensorrt", "cuda", "migraphx", "rocm", "coreml", "openvino", "directml", "cpu"),
    )
    precision: str = _row(
        "auto", "numbers that networks reckon with; auto = half where it is faster and as good", "models",
        choices=("auto", "single", "half"),
    )  # fmt: skip
    detector: str = _row("yunet", "what finds faces: yunet, or an installed detector", "tracking", role="detector")
    faces: int = _row(16, "the most faces followed at once, the largest first", "tracking", 1, 64)
    detect_every: int = _row(5, "frames between two looks for new faces", "tracking", 1, 300)
    detect_size: int = _row(320, "longer side in pixels of the picture in which faces are sought", "tracking", 160, 1920)
    detect_score: float = _row(0.6, "how sure the detector must be of a new face, 0 to 1", "tracking", 0.1, 0.99)
    smoothing: float = _row(1.0, "strength of the filter against jitter of a face at rest, 0 = off", "tracking", 0.0, 4.0)
    badge: str = _row(
        "shown",
        "the AI badge; off, with the reason that the file's signed credentials will give, is for files only",
        "label",
        choices=("shown", "off-film", "off-satire", "off-research"),
    )
    badge_style: str = _row("dark", "how the AI badge looks", "label", choices=("dark", "light", "letters"))
    badge_corner: str = _row(
        "bottom-right",
        "where the AI badge stands",
        "label",
        choices=("bottom-right", "bottom-left", "top-right", "top-left"),
    )
    badge_size: float = _row(0.06, "height of the AI badge as a share of the shorter side", "label", 0.03, 0.25)
    on_lost: str = _row(
        "cover",
        "live: what is seen where a face may be that is not swapped; pass shows the person as they are",
        "live",
        choices=("cover", "hold", "freeze", "pass"),
    )
    codec: str = _row(
        "auto", "video codec of the output: h264, or what the container asks for", "output",
        choices=("auto", "h264", "hevc", "vp9", "av1", "prores", "mpeg4"),
    )  # fmt: skip
    interlaced: str = _row(
        "deinterlace",
        "interlaced input files: deinterlace makes one progressive frame of two fields, keep writes the fields as they are "
        "(h264, mpeg4)",
        "output",
        choices=("deinterlace", "keep"),
    )
    encoder: str = _row(
        "software", "who encodes: the processor, or a hardware encoder when one is present", "output",
        choices=("software", "hardware"),
    )  # fmt: skip
    quality: int = _row(
        80,
        "quality of the output, 1 (small) to 100 (best); videos are written with at least 50 (hevc 65, mpeg4 80), for the mark",
        "output",
        1,
        100,
    )
    drop: str = _row(
        "none",
        "streams of the input that video files leave out: subtitles, audio, data (covers, attachments, timed metadata); "
        "several with commas",
        "output",
        several=("subtitles", "audio", "data"),
    )
    max_pixels: int = _row(100_000_000, "the most pixels of a picture or video frame that is opened", "limits", 4096)
    max_bytes: int = _row(2 * 1024**4, "the largest file that is opened, in bytes", "limits", 1024)

    def __post_init__(self) -> None:
        for row in table():
            object.__setattr__(self, row.name, row.check(getattr(self, row.name)))


def table() -> Iterator[Setting]:
    """The rows of the table, in the order in which a form shows them."""
    for entry in fields(Settings):
        if entry.default is MISSING:  # pragma: no cover - a row without a default is a mistake in this file
            raise AssertionError(entry.name)
        yield Setting(name=entry.name, default=entry.default, **entry.metadata)


def from_mapping(values: Mapping[str, object]) -> Settings:
    """Settings from names and values; an unknown name is a `UsageError`."""
    rows = {row.name: row for row in table()}
    unknown = sorted(set(values) - set(rows))
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]!r}", "`mien settings` lists the names")
    return Settings(**{name: rows[name].check(value) for name, value in values.items()})  # type: ignore[arg-type]


def read_file(path: Path) -> dict[str, object]:
    """Names and values of a TOML file, groups or no groups; raises `UsageError`."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the settings file {path}: {error.strerror}", "check the name") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}", "one `name = value` a line") from error
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return flat
