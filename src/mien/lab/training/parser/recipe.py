"""Recipe of the parser: from a folder of portraits and one of clips to the network, its figures and a contact sheet."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.assembly import factory
from mien.assembly.embedded_networks import open_hand_finder
from mien.contracts import Parser
from mien.errors import UsageError
from mien.lab.training.parser import learn
from mien.lab.training.parser.cuts import FromClips, read_clips
from mien.lab.training.parser.figures import Figures, measure
from mien.lab.training.parser.files import write_whole
from mien.lab.training.parser.network import to_onnx
from mien.lab.training.parser.portraits import Portrait, is_turned, read_portraits
from mien.lab.training.parser.scenes import Props
from mien.lab.training.parser.sheet import contact_sheet, encoded
from mien.lab.training.people import split
from mien.models.library.store import Store
from mien.models.networks.parser_net import ParserNet
from mien.models.runtime.onnx_session import OnnxSession
from mien.settings import Settings

_EXAMPLES_PER_KIND = 120  # of the figures; bounds their time
_SHEET_EXAMPLES = 6  # in a row of the contact sheet


def run_training(
    data: Path, clips: Path | None, output: Path, steps: int, say: Callable[[str], None], *, resume: bool
) -> dict[str, Any]:
    """Train on the portraits below `data` and the videos in `clips`; return the figures.

    Writes `output`, and beside it checkpoint (.pt), figures (.json) and contact sheet (.png). Raises a `MienError`. People
    whose names end in 2 or 7 are held back for the figures.
    """
    if not output.absolute().parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist", "create it first")
    learning, checking, named = _read(data, clips, say)
    trained = learn.train(learning, steps, output.with_suffix(".pt"), say, resume=resume)
    parser = ParserNet(OnnxSession("parser", to_onnx(trained.network, {})))
    figures = measure(checking, parser, _EXAMPLES_PER_KIND, say)
    about = {"data": named, "steps": str(trained.steps), "seed": str(learn.TUNING.seed)}
    write_whole(output, to_onnx(trained.network, about | _notes(figures)))
    write_whole(output.with_suffix(".png"), encoded(contact_sheet(checking, parser, _SHEET_EXAMPLES)))
    found = {**about, "steps": trained.steps, "seconds": round(trained.seconds), **asdict(figures)}
    write_whole(output.with_suffix(".json"), (json.dumps(found, indent=2) + "\n").encode())
    return found


def run_evaluation(data: Path, clips: Path | None, weights: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure a network (None = the bundled one) on the people of `data` who are held back. Raises a `MienError`."""
    parser = _opened(weights)
    _, checking, named = _read(data, clips, say)
    return {"data": named, **asdict(measure(checking, parser, _EXAMPLES_PER_KIND, say))}


def _opened(weights: Path | None) -> Parser:
    try:
        content = Store().read("parser") if weights is None else weights.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the network {weights}: {error.strerror}", "check the name") from error
    return ParserNet(OnnxSession("parser", content))


def _notes(figures: Figures) -> dict[str, str]:
    """Return the metadata of the file: figures, and the use that the licences allow."""
    return {**{kind: found.text for kind, found in figures.kinds.items()}, "use": "as the licences of the data allow"}


def _read(data: Path, clips: Path | None, say: Callable[[str], None]) -> tuple[Props, Props, str]:
    """Return the material of the training, that of the figures, and the name of the data."""
    for folder, what in ((data, "portraits of several people (.jpg, .png)"), (clips, "videos")):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", f"name a folder with {what}")
    store = Store()
    models = factory.open_models(Settings(), store)
    portraits = read_portraits(data, models, lambda done, total: say(f"portrait {done} of {total}") if done % 25 == 0 else None)
    found = FromClips([], [], []) if clips is None else read_clips(clips, models, open_hand_finder(store), say)
    learnt, held_back = split(portraits)
    pictures = [each.image for each in learnt if not is_turned(each)]
    learning = Props([*learnt, *found.faces], pictures, found.cuts, found.poses)
    checking = Props(held_back, pictures, found.cuts, found.poses)
    return learning, checking, _named(data, learnt, len(pictures), clips, found)


def _named(data: Path, learnt: tuple[Portrait, ...], count: int, clips: Path | None, found: FromClips) -> str:
    people = len({each.person for each in learnt})
    named = f"{count} portraits of {people} people in {data.name}"
    if clips is None:
        return named
    return f"{named}; {len(found.cuts)} hands, {len(found.poses)} poses and {len(found.faces)} faces of clips in {clips.name}"
