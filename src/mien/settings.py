"""The one table of settings: name, default, bounds and help. It feeds the command line, the config file and web forms."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from mien.errors import UsageError

Value = bool | int | float | str
MOST_FACES = 64
"""Faces that can be tracked at once, at most: bounds the time and memory of a frame."""
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table; `group` is its group in forms.

    `low` and `high` bound a number, `choices` a word, `several` the words of a list, written with commas and empty as
    "none". `role` is set where the value names a model: forms offer the default and the installed models of this role;
    the name is resolved when the model is opened.
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
        """The flag of the command line."""
        return "--" + self.name.replace("_", "-")

    def check(self, value: object) -> Value:
        """Return `value` converted to this setting's type; raises `UsageError` for a wrong type or a value out of bounds."""
        kind = type(self.default)
        if kind is bool:
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in _SWITCHES:
                return _SWITCHES[value.lower()]
            raise UsageError(
                f"{self.name} = {value!r} is neither on nor off", f"write {self.name} = true or false", **self._named
            )
        if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
            raise UsageError(f"{self.name} = {value!r} is not a {kind.__name__}", self.help, **self._named)
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise UsageError(f"{self.name} = {value!r} is not a whole number", self.help, **self._named)
        try:
            convert: Callable[[Any], int | float | str] = kind
            converted = convert(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{self.name} = {value!r} is not a {kind.__name__}", self.help, **self._named) from None
        if self.several:
            return self._check_several(str(converted))
        if self.choices and converted not in self.choices:
            raise UsageError(
                f"unknown value {self.name} = {converted!r}", f"choose one of: {', '.join(self.choices)}", **self._named
            )
        if isinstance(converted, (int, float)):
            low = -float("inf") if self.low is None else self.low
            high = float("inf") if self.high is None else self.high
            if not low <= converted <= high:
                raise UsageError(
                    f"{self.name} = {converted} is out of bounds", f"choose a value from {low:g} to {high:g}", **self._named
                )
        return converted

    @property
    def _named(self) -> dict[str, Any]:
        """Key and values by which a page in another language tells that a value does not fit."""
        return {"key": "setting-value", "values": {"name": self.name}}

    def _check_several(self, listed: str) -> str:
        words = [word.strip() for word in listed.split(",")]
        wrong = [word for word in words if word not in self.several and words != ["none"]]
        if wrong:
            remedy = f"choose from: {', '.join(self.several)}; separate several by commas"
            raise UsageError(f"{self.name} = {listed!r}: unknown word {wrong[0]!r}", remedy, **self._named)
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
    """Immutable values of all settings."""

    engine: str = _row(
        "mesh", "swapping engine: mesh (built in), or an installed swapper (`mien models`)", "face", role="swapper"
    )
    opacity: float = _row(1.0, "opacity of the new face; below 1 the wearer shows through", "face", 0.0, 1.0)
    eyes: str = _row(
        "blend",
        "whose eyes show: blend (the source's where its photo shows them clearly, else the target's), target, source",
        "face",
        choices=("blend", "target", "source"),
    )
    gaze: str = _row(
        "target", "direction of the source's eyes: target (as the target's eyes), camera", "face", choices=("target", "camera")
    )
    mouth: str = _row(
        "target", "whose inner mouth (teeth, tongue) shows: source (needs a photo with teeth), target", "face",
        choices=("source", "target"),
    )  # fmt: skip
    beard: str = _row(
        "auto",
        "whose beard shows: auto (where the source has none, the target's is kept, but for a little stubble, which is shaved), "
        "source (the target's is shaved, even a full one), target (its own stays); needs the parser",
        "face",
        choices=("auto", "source", "target"),
    )
    glasses: str = _row(
        "keep",
        "the target's glasses: keep (in front of the new face), off (clear ones are painted over, dark ones stay); needs the "
        "parser",
        "face",
        choices=("keep", "off"),
    )
    source_glasses: str = _row(
        "off",
        "glasses of the photo: off (taken off), on (worn in place of the wearer's clear ones; mesh engine only)",
        "face",
        choices=("off", "on"),
    )
    shape: float = _row(1.0, "strength of the reshape towards the source's proportions", "face", 0.0, 1.0)
    light: float = _row(1.0, "strength of relighting and toning to the target", "face", 0.0, 1.0)
    grain: float = _row(1.0, "share of the target's noise that the new face gets", "face", 0.0, 1.0)
    occlusion: str = _row(
        "files",
        "hands and other occluders stay in front of the new face: files (in files also what differs from the "
        "face's usual look), on (that live, too; where a hand moves away, your own skin may show for a moment), off",
        "face",
        choices=("files", "on", "off"),
    )
    parser: str = _row(
        "on",
        "built-in network that keeps hair, glasses, hands and other things in front of the new face, in files and live: on, "
        "off; a chosen segmenter takes its place",
        "face",
        choices=("on", "off"),
    )
    sharpness: float = _row(0.0, "strength of sharpening of the new face", "face", 0.0, 1.0)
    finish: str = _row(
        "off", "harmonise the new face's light and colour by a small network: off, on", "face", choices=("off", "on")
    )  # fmt: skip
    keep_mouth: bool = _row(False, "preserve the wearer's own mouth", "face")
    keep_eyes: bool = _row(False, "preserve the wearer's own eyes", "face")
    keep_brows: bool = _row(False, "preserve the wearer's own eyebrows", "face")
    resolution: int = _row(512, "largest size of a computed face in videos, in pixels across", "face", 128, 2048)
    boost: int = _row(1, "resolution of a swapper network, in multiples of its own", "models", 1, 8)
    morph: float = _row(
        1.0,
        "morph of a .dfm model towards its own face; at 0 it draws the wearer",
        "models",
        0.0,
        1.0,
    )
    segmenter: str = _row(
        "none",
        "installed network that predicts occlusion masks, live too; separate several by commas",
        "models",
        role="segmenter",
    )
    enhancer: str = _row("none", "installed network that adds detail to the new face", "models", role="enhancer")
    enhance_blend: float = _row(0.8, "opacity of the enhancer's detail", "models", 0.0, 1.0)
    enhance_every: int = _row(
        0,
        "frames between two runs of the enhancer; 0 = every frame in files, as often as possible live",
        "models",
        0,
        60,
    )
    fidelity: float = _row(0.5, "fidelity of CodeFormer to its input", "models", 0.0, 1.0)
    device: str = _row(
        "auto",
        "device for installed models; auto = the fastest that works",
        "models",
        choices=("auto", "tensorrt", "cuda", "migraphx", "rocm", "coreml", "openvino", "directml", "cpu"),
    )
    precision: str = _row(
        "auto",
        "numeric precision for networks: auto (half, or rewritten convolutions, where faster and as accurate), single, half",
        "models",
        choices=("auto", "single", "half"),
    )  # fmt: skip
    detector: str = _row("yunet", "face detector: yunet (built in), or an installed detector", "tracking", role="detector")
    faces: int = _row(16, "largest number of tracked faces, the largest faces first", "tracking", 1, MOST_FACES)
    detect_every: int = _row(5, "frames between two runs of the detector", "tracking", 1, 300)
    detect_size: int = _row(320, "longer side of the detector's input, in pixels", "tracking", 160, 1920)
    detect_score: float = _row(0.6, "lowest detection score that starts a track", "tracking", 0.1, 0.99)
    smoothing: float = _row(1.0, "strength of the jitter filter for a face at rest, 0 = off", "tracking", 0.0, 4.0)
    badge: str = _row(
        "shown",
        "AI badge: shown, or off with the reason that the signed credentials state (files only)",
        "label",
        choices=("shown", "off-film", "off-satire", "off-research"),
    )
    badge_style: str = _row(
        "dark", "style of the AI badge; eu adds the word MODIFIED", "label", choices=("dark", "light", "letters", "eu")
    )
    badge_corner: str = _row(
        "bottom-right",
        "corner of the AI badge",
        "label",
        choices=("bottom-right", "bottom-left", "top-right", "top-left"),
    )
    badge_size: float = _row(0.06, "height of the AI badge, as a share of the shorter side", "label", 0.03, 0.25)
    on_lost: str = _row(
        "cover",
        "live, where a face may be that is not swapped: cover (veil it), hold (repeat the last picture for a second, then "
        "veil), freeze (repeat the last picture), pass (show the wearer)",
        "live",
        choices=("cover", "hold", "freeze", "pass"),
    )
    codec: str = _row(
        "auto", "video codec of the output; auto = h264, or what the container requires", "output",
        choices=("auto", "h264", "hevc", "vp9", "av1", "prores", "mpeg4"),
    )  # fmt: skip
    interlaced: str = _row(
        "deinterlace",
        "interlaced files: deinterlace (one progressive frame from two fields), keep (write the fields; h264, mpeg4)",
        "output",
        choices=("deinterlace", "keep"),
    )
    encoder: str = _row(
        "software", "video encoder: software, or hardware where present", "output",
        choices=("software", "hardware"),
    )  # fmt: skip
    quality: int = _row(
        80,
        "quality of the output, 1 (small) to 100 (best); videos use at least 50 (hevc 65, mpeg4 80), for the mark",
        "output",
        1,
        100,
    )
    drop: str = _row(
        "none",
        "what to omit from video files: subtitles, audio, data (covers, attachments, timed metadata), tags (titles, places, "
        "devices); separate several by commas",
        "output",
        several=("subtitles", "audio", "data", "tags"),
    )
    max_pixels: int = _row(100_000_000, "largest picture or video frame to open, in pixels", "limits", 4096)
    max_bytes: int = _row(2 * 1024**4, "largest file to open, in bytes", "limits", 1024)

    def __post_init__(self) -> None:
        for row in table():
            object.__setattr__(self, row.name, row.check(getattr(self, row.name)))


def table() -> Iterator[Setting]:
    """Yield the rows of the table in the order of forms."""
    for entry in fields(Settings):
        if entry.default is MISSING:  # pragma: no cover - a row without a default is a mistake in this file
            raise AssertionError(entry.name)
        yield Setting(name=entry.name, default=entry.default, **entry.metadata)


def from_mapping(values: Mapping[str, object]) -> Settings:
    """Return the settings of names and values; raises `UsageError` for an unknown name or a wrong value."""
    rows = {row.name: row for row in table()}
    unknown = sorted(set(values) - set(rows))
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]!r}", "`mien settings` lists the names")
    return Settings(**{name: rows[name].check(value) for name, value in values.items()})  # type: ignore[arg-type]


MOST_TOML_BYTES = 1 << 20
"""A file of every setting with its explanation has 20 kB."""


def read_toml(path: Path) -> dict[str, object]:
    """Return the values of a TOML file. Raises `OSError`, and `ValueError` for one that is none, is too large or too deep."""
    with path.open("rb") as file:
        content = file.read(MOST_TOML_BYTES + 1)
    if len(content) > MOST_TOML_BYTES:
        raise ValueError(f"it is larger than {MOST_TOML_BYTES >> 20} MiB")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_file(path: Path) -> dict[str, object]:
    """Return the names and values of a TOML file, with or without groups; raises `UsageError`."""
    try:
        values = read_toml(path)
    except OSError as error:
        raise UsageError(f"cannot read the settings file {path}: {error.strerror}", "check the name") from error
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {error}", "write one `name = value` a line") from error
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return flat
