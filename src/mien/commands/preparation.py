"""Preparation of a machine: the pixel kernels are compiled for it before they are needed."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from mien.assembly import factory
from mien.assembly.machine_check import compare_kernels, compare_networks
from mien.assembly.warm_up import warm_up
from mien.commands.demo import open_demo
from mien.errors import MienError, UsageError
from mien.imaging import kernel_builder
from mien.imaging.kernel_files import SUFFIX, kernel_folder
from mien.imaging.kernel_library import own_library
from mien.models.library.store import Store
from mien.settings import Settings
from mien.system.machine_record import MachineRecord, write_record
from mien.system.programs import environment, python_module

_FILM_S = "0.2"  # of the bundled clip: six frames use all kernels of films
_REMEDY = "let XDG_CACHE_HOME name a folder that can be written to; without one, each start compiles for some ten seconds"


def prepare(store: Store, report: Callable[[str], None]) -> Path:
    """Swap the bundled picture and film as a person would, so that all that is compiled for it is kept; return the folder.

    Nothing else stays: outputs, key and ledger are temporary. Raises a `MienError`, also when nothing can be kept.
    """
    folder = kernel_folder()
    if folder is None:
        raise UsageError("there is no folder for compiled kernels", _REMEDY)
    library = own_library(folder)
    if library and not kernel_builder.is_complete(library):
        report("compiling the pixel kernels for this processor, half a minute on two cores, once")
        try:
            kernel_builder.build(library)
        except (OSError, RuntimeError) as error:
            raise UsageError(f"compiled kernels cannot be kept in {folder}: {error}", _REMEDY) from error
    with tempfile.TemporaryDirectory(prefix="mien-prepare-") as made, open_demo(Path(made), overwrite=True) as demo:
        for target, output in demo.swaps:
            end = ["--end", _FILM_S] if target.suffix == ".mp4" else []
            _swap(demo.photo, target, output, Path(made) / "data", *end)
    settings = Settings()
    warm_up(factory.open_engine(settings, factory.open_models(settings, store).sessions), settings)
    if not (library and library.exists()) and not any(folder.glob(f"*{SUFFIX}")):
        raise UsageError(f"compiled kernels cannot be kept in {folder}", _REMEDY)
    return folder


def check(store: Store, report: Callable[[str], None]) -> int:
    """Compare the fast ways of computing with the slow ones, record what is wrong, and return the exit code."""
    folder = kernel_folder()
    if folder is None:
        raise UsageError("there is no folder for the result", _REMEDY)
    report("comparing fast and slow kernels and networks; the slow kernels are compiled first, for some fifteen seconds")
    networks, kernels = compare_networks(store), compare_kernels()
    for each in (kernels, networks):
        report(f"{'right' if each.fine else 'WRONG, the slow way is used from now on'}: {each.words}")
    try:
        write_record(folder, MachineRecord(kernels.fine, networks.fine))
    except OSError as error:
        raise UsageError(f"the result cannot be kept in {folder}: {error.strerror}", _REMEDY) from error
    return 0 if kernels.fine and networks.fine else 1


def _swap(photo: Path, target: Path, output: Path, data: Path, *more: str) -> None:
    files = [str(photo), str(target), "-o", str(output), "--data", str(data)]
    command = python_module("mien.commands.main", "swap", *files, "--consent", "public-domain", "--overwrite", "--quiet", *more)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise MienError(f"the bundled examples could not be swapped: {said}", "`mien demo` does the same, and shows more")
