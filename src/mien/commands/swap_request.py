"""Values of a `mien swap` request."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.commands.swap_roles import RoleRequest
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile
from mien.provenance.trust import Signing
from mien.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """The checked command line.

    `photo` is None where `roles` map a photo to each person; `also` are more photos of the person in it. `output` is a
    folder for the outputs of all `targets` (`into_folder`), else the file of the only one. `consent` is the statement given
    with the request, `adult` that all whose faces are worn are adults; `ask` and `ask_adult` ask for them, None without a
    terminal.
    """

    photo: Path | None
    roles: RoleRequest
    also: tuple[Path, ...]
    targets: tuple[Path, ...]
    output: Path
    into_folder: bool
    overwrite: bool
    source_face: int | None
    number_faces: Path | None
    start_s: float | None
    end_s: float | None
    dry_run: bool
    settings: Settings
    data: Path
    signing: Signing
    consent: str | None
    adult: bool
    ask: Callable[[Path], str] | None
    ask_adult: Callable[[Path, str], bool] | None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All files that are read."""
        return (*([self.photo] if self.photo else []), *self.also, *self.roles.files, *self.targets)


@dataclass(frozen=True, slots=True)
class Task:
    """One target and its output."""

    target: Path
    kind: Kind
    output: OutputFile
