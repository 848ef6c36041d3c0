"""`mien words`: rolling pairs of words for people who met, to tell each other over a call."""

import argparse
import sys
import time
from pathlib import Path

from mien.commands.options import Commands, add_data, data_of, path_of
from mien.commands.tables import print_text
from mien.errors import MienError, UsageError

_MODULE_PIXELS = 8  # side of a square of the QR code; a phone reads it from the screen at arm's length
_QUIET_MODULES = 4  # white border, as ISO/IEC 18004 asks


def add(commands: Commands) -> None:
    """Add the command's parser."""
    words = commands.add_parser(
        "words",
        help="rolling pairs of words that two people who met tell each other over a call",
        description="Share a secret once, in person; then both sides see the same two pairs of words each minute, offline.",
    )
    words.add_argument("action", nargs="?", choices=("list", "new", "add", "show", "check", "forget"), default="list")
    words.add_argument("name", metavar="NAME", nargs="?", help="of the other person")
    words.add_argument("said", metavar="WORD", nargs="*", help="for `check`: the two words that the other side said")
    words.add_argument(
        "--qr", metavar="PNG", type=path_of, help="`new` writes the secret as a QR code; `add` reads a picture of it"
    )
    words.add_argument("--asker", action="store_true", help="`check` the first pair: the other side asks, you answer")
    add_data(words)
    words.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.check.rolling_words import Secret
    from mien.check.word_store import WordStore

    store = WordStore(data_of(options))
    if options.action == "list":
        print_text("".join(f"{name}\n" for name in store.names()) or "no words are shared with anybody yet\n")
        return 0
    if options.name is None:
        raise UsageError("whose words?", f"write: mien words {options.action} NAME")
    match options.action:
        case "new":
            _new(store, options.name, options.qr)
        case "add":
            store.keep(options.name, Secret.of_text(_read_qr(options.qr) if options.qr else _typed()))
        case "forget":
            store.forget(options.name)
        case "show":
            _show(store.running(options.name).secret)
        case _:
            return _check(store, options)
    return 0


def _new(store: object, name: str, code: Path | None) -> None:
    """Keep a new secret and give it away; what cannot be given is not kept."""
    from mien.check.rolling_words import Secret
    from mien.check.word_store import WordStore

    assert isinstance(store, WordStore)
    kept = store.keep(name, Secret.new())
    try:
        _give(kept.secret.text, code)
    except MienError:
        store.forget(name)
        raise


def _show(secret: object) -> None:
    from mien.check.rolling_words import MINUTE_S, Secret

    assert isinstance(secret, Secret)
    now_s = time.time()
    minute, left = int(now_s // MINUTE_S), MINUTE_S - int(now_s % MINUTE_S)
    print_text(
        f"who asks says     {secret.pair('asker', minute)}\nwho answers says  {secret.pair('answerer', minute)}\n"
        f"for {left} s more; say your own pair only, and listen for the other\n"
    )


def _check(store: object, options: argparse.Namespace) -> int:
    from mien.check.word_store import WordStore

    assert isinstance(store, WordStore)
    said = " ".join(options.said)
    if len(said.split()) != 2:
        raise UsageError("a pair has two words", f"write: mien words check {options.name} WORD WORD")
    outcome, away, kept = store.check(options.name, "asker" if options.asker else "answerer", said, time.time())
    if outcome == "right":
        print_text("the pair is right: the other side has the secret. It says nothing about a face\n")
        return 0
    if outcome == "another time":
        print_text(f"a pair of {abs(away)} minutes {'ago' if away < 0 else 'ahead'}: compare clocks, or somebody repeats it\n")
    else:
        print_text("the pair is wrong\n")
    print_text(
        f"{kept.left} left before the words stop\n" if not kept.stopped else "three wrong pairs: the words have stopped\n"
    )
    return 1


def _give(text: str, path: Path | None) -> None:
    """Write the secret as a QR code, or print it."""
    import cv2
    import numpy as np

    from mien.commands.verify_report import write_plain

    if path is None:
        print_text(f"{text}\nlet the other person type it now, in person: mien words add NAME\n")
        return
    modules = cv2.QRCodeEncoder.create().encode(text)
    large = np.kron(modules, np.ones((_MODULE_PIXELS, _MODULE_PIXELS), np.uint8))
    border = _QUIET_MODULES * _MODULE_PIXELS
    fine, content = cv2.imencode(".png", np.pad(large, border, constant_values=255))
    assert fine
    write_plain(path, content.tobytes(), private=True)
    print_text(f"{path}: let the other person photograph it now, in person; then delete it\n")


def _read_qr(path: Path) -> str:
    import cv2

    from mien.media.files.picture_read import read_picture
    from mien.settings import Settings

    limits = Settings()
    image = read_picture(path, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes).frame.image
    text, *_ = cv2.QRCodeDetector().detectAndDecode(image)
    if not text:
        raise UsageError(f"no QR code was found in {path}", "photograph it straight on and whole")
    return str(text)


def _typed() -> str:
    sys.stderr.write("the secret: ")
    sys.stderr.flush()
    return sys.stdin.readline()
