"""Templates of jobs: a TOML file of the arguments of `mien swap` or `mien anonymise`, for files that come later."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.assembly import stand_ins
from mien.assembly.kept_faces import is_card
from mien.commands import anonymise, swap
from mien.commands.targets import PATTERN, named_by
from mien.errors import UsageError
from mien.settings import read_toml, table

_FILE = "file"
_LIST = "list of files"
_TEXT = "text"
_KEYS: Mapping[str, Mapping[str, str]] = {
    "swap": {
        "photo": _FILE, "also": _LIST, "map": "pairs", "people": _FILE, "who": _TEXT, "me": _FILE, "others": _TEXT,
        "source-face": "number", "start": _TEXT, "end": _TEXT,
    },
    "anonymise": {
        "with": _TEXT, "keep": _LIST, "people": _FILE, "sound": _TEXT, "if-none": _TEXT, "start": _TEXT, "end": _TEXT,
    },
}  # fmt: skip
"""Keys by the kind of a job, as the options of its command, and what they hold."""
_COMMON = {"kind", "name", "overwrite", "settings"}
_SWAP = """\
# What mien batch and mien jobs run --watch do with each file. Names of files count from the folder of this file.
kind = "swap"
photo = "me.jpg"                    # or a stand-in: "stand-in-3"
# also = ["me-smiling.jpg"]         # more photos, or a clip, of the same person
# who = "largest"                   # everyone (default), largest, centre
# others = "blur"                   # what becomes of all others: leave, blur, cover
# [map] instead of photo: each person wears a face of their own
name = "{stem}-swapped{suffix}"     # of the results
overwrite = false

[settings]                          # as mien settings lists them
# quality = 90

# [map]
# "anna.jpg" = "stand-in-2"
# "bob.jpg" = "stand-in-5"
"""
_HIDE = """\
# What mien batch and mien jobs run --watch do with each file. Names of files count from the folder of this file.
kind = "anonymise"
with = "solid"                      # solid, blur, stand-in
# keep = ["me.jpg"]                 # people whose faces stay
sound = "drop"                      # keep, drop, disguise
# if-none = "write"                 # files without a face: refuse (default), write
name = "{stem}-hidden{suffix}"      # of the results
overwrite = false

[settings]                          # groups label, output and limits, as mien settings lists them
# quality = 90
"""


@dataclass(frozen=True, slots=True)
class Template:
    """Kind of the jobs, pattern of the names of their outputs, and the arguments before and after the targets."""

    kind: str
    pattern: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def parsed(self, targets: Sequence[str], output: str, more: Sequence[str]) -> argparse.Namespace:
        """Return the options of the command for these targets; `more` are further arguments. Raises `UsageError`."""
        parser = _Parser(prog=f"template of {self.kind}", add_help=False)
        (swap if self.kind == "swap" else anonymise).add_arguments(parser, signing=False)
        return parser.parse_args([*self.after, *more, "-o", output, "--", *self.before, *targets])


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours, because these arguments were not typed."""

    def error(self, message: str) -> Any:
        raise UsageError(f"the template does not fit: {message}", "`mien jobs template` prints one to begin with")


def run_template(options: argparse.Namespace) -> int:
    """Print a template."""
    from mien.commands.tables import print_text

    print_text(_SWAP if options.kind == "swap" else _HIDE)
    return 0


def read_template(path: Path) -> Template:
    """Read a template. Raises `UsageError` for anything that it does not know."""
    try:
        values = read_toml(path)
    except OSError as error:
        raise UsageError(f"cannot read the template {path}: {error.strerror}", "check the name") from error
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {error}", "`mien jobs template` prints one to begin with") from error
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise UsageError(f'{path} does not say kind = "swap" or kind = "anonymise"', "add that line")
    unknown = sorted(set(values) - _COMMON - set(_KEYS[kind]))
    if unknown:
        known = ", ".join(sorted(_COMMON | set(_KEYS[kind])))
        raise UsageError(f"{path} has an unknown entry {unknown[0]!r}", f"it may have: {known}")
    return _made(path, kind, values)


def _made(path: Path, kind: str, values: dict[str, Any]) -> Template:
    folder = path.absolute().parent
    pattern = _checked(path, values, "name", str, PATTERN)
    named_by(pattern, "stem", ".suffix")
    before = [] if kind != "swap" or "photo" not in values else [_named(path, folder, "photo", values["photo"])]
    if kind == "swap" and bool(before) == ("map" in values):
        raise UsageError(f"{path} needs either photo or [map]", "write one of them")
    after = ["--overwrite"] if _checked(path, values, "overwrite", bool, False) else []
    for key, form in _KEYS[kind].items():
        if key in values and key != "photo":
            after += _arguments(path, folder, key, form, values[key])
    return Template(kind, pattern, tuple(before), (*after, *_settings(path, _checked(path, values, "settings", dict, {}))))


def _arguments(path: Path, folder: Path, key: str, form: str, value: object) -> list[str]:
    if form == _FILE:
        return [f"--{key}={_named(path, folder, key, value)}"]
    if form == _LIST and isinstance(value, list):
        cards = [each for each in value if isinstance(each, str) and is_card(each)]
        return [f"--{key}={each if each in cards else _named(path, folder, key, each)}" for each in value]
    if form == "pairs" and isinstance(value, dict):
        return [f"--{key}={_person(folder, person)}={_named(path, folder, key, photo)}" for person, photo in value.items()]
    if form == "number" and isinstance(value, int) and not isinstance(value, bool):
        return [f"--{key}={value}"]
    if form == _TEXT and isinstance(value, str | int | float) and not isinstance(value, bool):
        return [f"--{key}={value}"]
    raise UsageError(f"{path}: {key} is not a {form}", "`mien jobs template` shows how it is written")


def _person(folder: Path, person: str) -> str:
    """Return the person of a pair: a photo of them counts from the folder of the template, a number or name stays."""
    return str(folder / person) if (folder / person).is_file() else person


def _named(path: Path, folder: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path}: {key} does not name a file", "write its name in quotes")
    return value if value in stand_ins.NAMES and not (folder / value).exists() else str(folder / value)


def _settings(path: Path, values: dict[str, Any]) -> list[str]:
    flags = {row.name: row.flag for row in table()}
    unknown = sorted(set(values) - set(flags))
    if unknown:
        raise UsageError(f"{path}: unknown setting {unknown[0]!r}", "`mien settings` lists the names")
    return [f"{flags[name]}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()]


def _checked(path: Path, values: dict[str, Any], key: str, kind: type[Any], default: Any) -> Any:
    value = values.get(key, default)
    if not isinstance(value, kind):
        raise UsageError(f"{path}: {key} is of a wrong kind", "`mien jobs template` shows how it is written")
    return value
