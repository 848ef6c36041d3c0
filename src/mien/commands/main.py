"""The command line: parses, builds the concrete objects, reports. Heavy parts are imported by the command that needs them."""

import argparse
import contextlib
import io
import json
import logging
import os
import shlex
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm, Prompt
from rich.table import Table

from mien import __version__
from mien.errors import MienError, ModelError, UnreadableMedia, UsageError
from mien.media.files.statement import ACCEPTABLE_USE
from mien.provenance.consent import STATEMENTS
from mien.settings import Settings, from_mapping, read_file, table
from mien.system.extras import install_command
from mien.system.folders import data_folder, make_private, reachable, recordings_folder
from mien.system.printable import printable
from mien.system.programs import harden

if TYPE_CHECKING:
    from mien.models.library.inventory import Listed
    from mien.models.library.store import ModelEntry
    from mien.provenance.consent import Consent
    from mien.provenance.trust import Signing

_EXIT_CODES = """\
exit codes:
  0  done                               6  no face in the target
  2  the request makes no sense         7  a model file is missing or damaged
  3  the photo cannot be used           8  the output cannot be marked, signed or recorded
  4  the target cannot be read          9  the content check refuses the picture
  5  the output cannot be written     130  stopped by Ctrl-C (nothing is left half written)
"""
_INTERRUPTED = 130
_KEY_PASSWORD_VARIABLE = "MIEN_SIGNING_PASSWORD"
_PORT = 7421
_MEDIA_VARIABLE = "MIEN_MEDIA"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Every `MienError` becomes one clear line and what to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name, or a sign of ours, that the terminal has no letters for is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")
    harden()
    options = _parser().parse_args(arguments)
    for library in ("PIL", "tifffile"):
        # What they log of a damaged file is said once, in our words, by the error that follows.
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        with _terminating_like_interrupting():
            _check_current_folder()
            result: int = options.run(options)
            return result
    except MienError as error:
        _tell_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        Console(stderr=True, highlight=False, soft_wrap=True).print("mien: stopped; nothing was written")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`mien models | head`); Python would complain again while it exits.
        sys.stderr.close()
        return 1


def _check_current_folder() -> None:
    """Raise `UsageError` when the current folder has been deleted: no relative name means anything there."""
    try:
        Path.cwd()
    except OSError:
        raise UsageError("the current folder no longer exists or may not be read", "change to another one: cd") from None


@contextmanager
def _terminating_like_interrupting() -> Iterator[None]:
    """A polite `kill` ends like Ctrl-C: threads joined, temporary files removed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hang_up(number: int, frame: FrameType | None) -> None:
        # Not as an exception: a server that handles Ctrl-C in its own way is to handle this so, too.
        signal.raise_signal(signal.SIGINT)

    # A terminal that is closed is a kind of Ctrl-C, too; Windows has no such signal.
    handlers = {signal.SIGTERM: interrupt} | ({signal.SIGHUP: hang_up} if sys.platform != "win32" else {})
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mien",
        description="One photo of a face that you may use, worn in a picture or video: on this machine, always labelled.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mien {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_swap(commands)
    _add_demo(commands)
    _add_live(commands)
    _add_provenance(commands)
    _add_reports(commands)
    _add_models(commands)
    _add_measurements(commands)
    _add_training(commands)
    return parser


def _add_swap(commands: Any) -> None:
    swap = commands.add_parser(
        "swap",
        help="put the face of a photo onto the people in pictures and videos",
        description="Put the face of PHOTO onto the people in each TARGET (a picture, an animation or a video), and write OUT.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    swap.add_argument("photo", metavar="PHOTO", help="the face to wear: jpeg, png, webp, tiff, bmp, gif, heic or avif")
    swap.add_argument(
        "targets", metavar="TARGET", nargs="+", help="pictures, animations and videos to change; * and ? are expanded"
    )
    swap.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the result, or a folder for it; several go into a folder"
    )
    swap.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    swap.add_argument(
        "--also", metavar="PHOTO", action="append", default=[],
        help="another photo of the same person: what one hides another shows; may be repeated",
    )  # fmt: skip
    swap.add_argument("--source-face", metavar="N", type=int, help="which face of PHOTO, counted from the left")
    swap.add_argument(
        "--number-faces",
        metavar="PICTURE",
        type=Path,
        help="also write PHOTO with its faces numbered (only of use to you)",
    )
    swap.add_argument("--start", metavar="TIME", help="begin of the part to keep: seconds, MM:SS or HH:MM:SS")
    swap.add_argument("--end", metavar="TIME", help="end of the part to keep")
    _add_trust(swap)
    swap.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    swap.add_argument("--quiet", action="store_true", help="no progress bar; warnings and errors only")
    _add_settings(swap)
    swap.set_defaults(run=_swap)


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="try mien on the bundled examples: one photo, a picture and a clip",
        description="Swap a bundled photo into a bundled picture and a clip, verify the results and print where they are. "
        "All three are in the public domain.",
    )
    demo.add_argument(
        "-o", "--output", metavar="FOLDER", type=_path, default=Path("mien-demo"),
        help="where the results go (default mien-demo)",
    )  # fmt: skip
    demo.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run")
    _add_data(demo)
    demo.set_defaults(run=_demo)


def _add_live(commands: Any) -> None:
    live = commands.add_parser(
        "live",
        help="open the studio: wear a face in front of a camera, on this machine",
        description="Open the studio, a local web page: choose a photo, see yourself wearing it, send it on.",
    )
    live.add_argument("--photo", metavar="PHOTO", type=Path, help="wear this face from the start; needs --consent")
    live.add_argument(
        "--also", metavar="PHOTO", type=Path, action="append", default=[],
        help="another photo of the person in --photo; may be repeated",
    )  # fmt: skip
    live.add_argument("--input", metavar="INPUT", help="a camera (0, /dev/video0), a file or folder, a URL, screen or browser")
    live.add_argument(
        "--output", metavar="OUTPUT", action="append", default=[],
        help="mp4 or mkv (a recording), virtual-camera, or a URL to stream to; may be repeated",
    )  # fmt: skip
    live.add_argument("--recordings", metavar="FOLDER", type=Path, help="where recordings go (default: the videos folder)")
    _add_trust(live)
    live.add_argument("--port", type=int, default=_PORT, help=f"port of the page, 0 = any free one (default {_PORT})")
    live.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, this machine only; with --share: 0.0.0.0, all IPv4 addresses)"
    )
    live.add_argument("--no-browser", action="store_true", help="do not open the page, only print its address")
    live.add_argument("--share", action="store_true", help="let other machines in: needs a password, encrypts")
    live.add_argument("--name", action="append", default=[], help="a name of this machine under which it is shared")
    live.add_argument("--cert", metavar="PEM", type=Path, help="certificate for --share (default: one is made)")
    live.add_argument("--key", metavar="PEM", type=Path, help="the certificate's private key")
    _add_settings(live)
    live.set_defaults(run=_live)
    devices = commands.add_parser("devices", help="cameras, microphones, screens and virtual cameras")
    devices.add_argument("--json", action="store_true", help="for programs")
    devices.set_defaults(run=_devices)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--consent", choices=tuple(STATEMENTS), help="why you may use the face; asked once for each photo")
    _add_data(parser)
    signing = parser.add_argument_group("signing (default: a key of this installation)")
    signing.add_argument("--signing-cert", metavar="PEM", type=Path, help="your certificate, followed by its issuers")
    signing.add_argument(
        "--signing-key", metavar="PEM", type=Path, help=f"its private key (password: {_KEY_PASSWORD_VARIABLE})"
    )
    signing.add_argument("--signing-command", metavar="COMMAND", help="a program that signs its input with the key instead")
    signing.add_argument("--timestamp-url", metavar="URL", help="a time-stamp authority (RFC 3161), asked for each file")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path, help="where key, ledger, saved faces and presets are (default: MIEN_DATA)"
    )


def _signing_of(options: argparse.Namespace) -> "Signing":
    from mien.provenance.trust import Signing

    password = os.environ.get(_KEY_PASSWORD_VARIABLE)
    return Signing(
        certificate=options.signing_cert,
        key=options.signing_key,
        password=password.encode() if password and options.signing_key else None,
        command=tuple(shlex.split(options.signing_command)) if options.signing_command else (),
        timestamp_url=options.timestamp_url,
    )


def _ask_consent(photo: Path) -> str:
    """Let the person at the terminal choose; raises `UsageError` when they leave instead."""
    console = Console(stderr=True, highlight=False)
    console.print(f"Why may the face in {escape(str(photo))} be used?")
    keys = list(STATEMENTS)
    for number, key in enumerate(keys, 1):
        console.print(f"  {number}  {STATEMENTS[key]}")
    try:
        answer = Prompt.ask("number", console=console, choices=[str(number) for number in range(1, len(keys) + 1)])
    except EOFError:
        raise UsageError("nobody has said why this face may be used", f"add --consent {'|'.join(keys)}") from None
    return keys[int(answer) - 1]


def _data(options: argparse.Namespace) -> Path:
    """The data folder that was named or is known. Raises `ProvenanceError`."""
    return reachable(options.data) if options.data else data_folder()


def _tell_terms_once(data: Path) -> None:
    """The acceptable use, at the first start of this installation."""
    told = data / "terms-told"
    if told.exists():
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"{ACCEPTABLE_USE}\n")
    with contextlib.suppress(OSError):
        # A folder that cannot be written to is told of by what has to be kept in it.
        make_private(data)
        told.touch()


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML file with settings; flags win over it")
    groups: dict[str, Any] = {}
    for row in table():
        group = groups.setdefault(row.group, None) or parser.add_argument_group(f"settings: {row.group}")
        groups[row.group] = group
        bounds = f" ({row.low:g} to {row.high:g})" if row.low is not None and row.high is not None else ""
        words = ",".join(row.choices or row.several)
        metavar = "{" + words + "}" if words else type(row.default).__name__.upper()
        text = f"{row.help}{bounds}; default {row.default}".replace("%", "%%")
        group.add_argument(row.flag, dest=f"setting_{row.name}", metavar=metavar, help=text)


def _add_reports(commands: Any) -> None:
    for name, run, text in (
        ("doctor", _doctor, "what runs where: versions, providers, cameras, codecs, models"),
        ("settings", _settings_table, "all settings with their defaults and bounds"),
    ):
        report = commands.add_parser(name, help=text, description=text)
        report.add_argument("--json", action="store_true", help="for programs")
        report.set_defaults(run=run)


def _add_models(commands: Any) -> None:
    models = commands.add_parser(
        "models",
        help="the models that are installed and those that can be; brings them in, checks and removes them",
        description="List the models: what is installed, under which licence, and whether it is whole (docs/models.md).",
    )
    actions = models.add_subparsers(title="actions", metavar="ACTION")
    _add_models_list(models)
    models.set_defaults(run=_models)
    listing = actions.add_parser("list", help="the same as without an action")
    _add_models_list(listing, default=argparse.SUPPRESS)
    info = actions.add_parser("info", help="all that is known of a model: licence, origin, sha256, how it is fed")
    info.add_argument("id", metavar="ID", help="its name in `mien models --all`")
    info.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")
    info.set_defaults(run=_models_info)
    pull = actions.add_parser("pull", help="fetch models from the net, after you have agreed to their licences")
    pull.add_argument("ids", metavar="ID", nargs="+")
    pull.add_argument("--accept-licence", action="store_true", help="agree without being asked")
    pull.add_argument("--mirror", metavar="URL", help="ask this address instead: URL/FILE (default: MIEN_MIRROR)")
    pull.set_defaults(run=_models_pull)
    bring = actions.add_parser("import", help="take over model files that you have: files, or folders of other tools")
    bring.add_argument("paths", metavar="FILE|FOLDER", type=_path, nargs="+")
    bring.add_argument("--trust", action="store_true", help="take files, too, that nobody has published a sha256 of")
    bring.add_argument("--as", dest="family", metavar="FAMILY", help="which family a trusted file is of, if that is in doubt")
    bring.set_defaults(run=_models_import)
    verify = actions.add_parser("verify", help="read installed models whole: sha256, and whether they open and fit")
    verify.add_argument("ids", metavar="ID", nargs="*")
    verify.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")
    verify.set_defaults(run=_models_verify)
    remove = actions.add_parser("remove", help="delete installed models")
    remove.add_argument("ids", metavar="ID", nargs="+")
    remove.set_defaults(run=_models_remove)


def _path(text: str) -> Path:
    """An empty name would be the current folder, and comes from a script's variable that nobody has set."""
    if not text:
        raise argparse.ArgumentTypeError("a name is empty")
    return Path(text)


def _add_models_list(parser: argparse.ArgumentParser, default: Any = None) -> None:
    unset = False if default is None else default
    parser.add_argument("--all", action="store_true", default=unset, help="those, too, that are not installed")
    parser.add_argument("--role", metavar="ROLE", default=default, help="only one role: swapper, enhancer, segmenter, ...")
    parser.add_argument("--json", action="store_true", default=unset, help="for programs")


def _add_provenance(commands: Any) -> None:
    consent = commands.add_parser(
        "consent",
        help="what you have stated about the faces that you use; revoke a statement",
        description="List the statements of this installation, or revoke one.",
    )
    consent.add_argument("action", nargs="?", choices=("list", "revoke"), default="list")
    consent.add_argument("id", nargs="?", help="the statement that is revoked: its face does not load any more")
    consent.add_argument("--json", action="store_true", help="for programs")
    _add_data(consent)
    consent.set_defaults(run=_consent)
    verify = commands.add_parser(
        "verify",
        help="what a picture or video says of itself: credentials, invisible mark, fingerprint",
        description="Look for signed credentials, the invisible mark, and a fingerprint in this machine's ledger.",
    )
    verify.add_argument("paths", metavar="FILE|FOLDER", nargs="+")
    verify.add_argument("--json", action="store_true", help="for programs")
    verify.add_argument(
        "--root", metavar="PEM", type=Path, action="append", default=[], help="a root certificate that you trust"
    )
    verify.add_argument("--quick", action="store_true", help="do not search for cropped, zoomed or mirrored marks")
    _add_data(verify)
    verify.set_defaults(run=_verify)
    certificate = commands.add_parser(
        "certificate",
        help="the root certificate of this installation, for those who want to trust its outputs",
        description="Print the root certificate (PEM) that signs what this installation makes.",
    )
    certificate.add_argument(
        "--new",
        action="store_true",
        help="make a new identity first: the old one signs no more, and is kept, so that old outputs stay known here",
    )
    _add_data(certificate)
    certificate.set_defaults(run=_certificate)


def _add_measurements(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure speed and memory on this machine")
    bench.add_argument("--portrait", type=Path, required=True, help="a portrait: who is swapped")
    bench.add_argument("--photo", type=Path, required=True, help="a portrait: whose face is worn")
    bench.add_argument("--consent", choices=tuple(STATEMENTS), required=True, help="why you may use the face of --photo")
    bench.add_argument("--frames", type=int, default=900, help="frames of each run (default 900)")
    bench.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to a file")
    _add_settings(bench)
    bench.set_defaults(run=_bench)
    evaluate = commands.add_parser(
        "evaluate",
        help="measure the quality of the swap on portraits, clips and made scenes; writes a report",
        description="Measure the quality of the swap: figures.json and report.html in OUT, a table of figures and bars here.",
    )
    evaluate.add_argument(
        "faces", metavar="FACES", type=Path, nargs="?",
        help=f"folder of portraits (.jpg); NAME_expression.jpg shows NAME (default: faces in {_MEDIA_VARIABLE})",
    )  # fmt: skip
    evaluate.add_argument(
        "--clips", metavar="FOLDER", type=Path, help=f"real clips to measure on, too (default: clips in {_MEDIA_VARIABLE})"
    )
    evaluate.add_argument(
        "-o", "--output", metavar="OUT", type=Path, default=Path("evaluate-output"), help="folder for the results"
    )
    evaluate.add_argument("--only", metavar="PARTS", help="some parts, separated by commas: stills, hard-pairs, light, "
                          "occlusion, stillness, turning, hardships, speed")  # fmt: skip
    evaluate.add_argument("--pairs", type=int, default=200, help="how many random pairs, always the same (default 200)")
    evaluate.add_argument("--flicker-frames", type=int, default=300, help="frames of the flicker run (default 300)")
    evaluate.add_argument("--quick", action="store_true", help="a quarter of everything: rough figures, to try something out")
    _add_settings(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _add_training(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train the finishing net on portraits that you may use",
        description="Train the finishing net on a folder of portraits, or measure one. Needs more packages: docs/finish.md.",
    )
    train.add_argument("what", choices=("finish",), help="what is trained")
    train.add_argument("data", metavar="DATA", type=Path, help="portraits in flat light; NAME_expression.jpg shows NAME")
    train.add_argument("-o", "--output", metavar="FILE", type=Path, help="the net (default finish.onnx)")
    train.add_argument("--minutes", type=float, default=20.0, help="how long it learns, all runs together (default 20)")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint beside FILE")
    train.add_argument("--noncommercial", action="store_true", help="the portraits' licence forbids commercial use: say so")
    train.add_argument("--evaluate", action="store_true", help="do not train: measure FILE, or the bundled net without -o")
    train.add_argument("--swaps", type=int, default=100, help="how many swaps --evaluate measures (default 100)")
    train.set_defaults(run=_train)


def _settings_of(options: argparse.Namespace) -> Settings:
    values: dict[str, object] = read_file(options.config) if options.config else {}
    for row in table():
        given = getattr(options, f"setting_{row.name}")
        if given is not None:
            values[row.name] = given
    return from_mapping(values)


def _seconds(text: str | None) -> float | None:
    """Seconds of `SS`, `MM:SS` or `HH:MM:SS`, each with a fraction if wanted."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 or part != part or part == float("inf") for part in parts):
        raise UsageError(f"{text!r} is not a time", "write seconds (12.5), MM:SS or HH:MM:SS")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def _swap(options: argparse.Namespace) -> int:
    from mien.commands.swapping import Request, run_swap
    from mien.commands.targets import expand, is_folder_name, named_file, named_output

    targets = expand(options.targets)
    data = _data(options)
    _tell_terms_once(data)
    request = Request(
        photo=named_file(options.photo),
        also=tuple(named_file(name) for name in options.also),
        targets=targets,
        output=named_output(options.output),
        into_folder=is_folder_name(options.output, len(targets)),
        overwrite=options.overwrite,
        source_face=options.source_face,
        number_faces=options.number_faces,
        start_s=_seconds(options.start),
        end_s=_seconds(options.end),
        dry_run=options.dry_run,
        settings=_settings_of(options),
        data=data,
        signing=_signing_of(options),
        consent=options.consent,
        ask=_ask_consent if sys.stdin.isatty() and sys.stderr.isatty() else None,
    )
    return run_swap(request, quiet=options.quiet, report=_tell_error)


def _tell_error(error: MienError) -> None:
    """Print what happened and what to do, a line each, on the error stream."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]mien:[/] {escape(printable(str(error)))}", emoji=False)
    if error.remedy:
        console.print(f"      {escape(printable(error.remedy))}", emoji=False)


def _demo(options: argparse.Namespace) -> int:
    """Run `mien swap` and `mien verify` as a person would type them."""
    from mien.commands.demo import CONSENT, open_demo

    common = ["--data", str(_data(options))]
    with open_demo(options.output, overwrite=options.overwrite) as demo:
        for target, output in demo.swaps:
            out = [f"--output={output}", "--overwrite"]
            # After `--` a name that begins with a dash is still a name.
            _run(["swap", "--consent", CONSENT, *common, *out, "--", str(demo.photo), str(target)])
        code = _run(["verify", *common, "--", *map(str, demo.outputs)])
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print("\nThe face of Eileen Collins (NASA) is now worn by Grace Hopper (United States Navy) in")
    for output in demo.outputs:
        console.print(f"  {escape(printable(str(output.absolute())))}")
    return code


def _run(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _live(options: argparse.Namespace) -> int:
    from mien.studio.server.serve import Opened, Options, run_studio

    if not 0 <= options.port <= 65535:
        raise UsageError(f"{options.port} is no port", "choose one from 1024 to 65535, or 0 for any free one")
    wanted = Options(
        host=options.host,
        port=options.port,
        share=options.share,
        names=tuple(options.name),
        certificate=options.cert,
        key=options.key,
        data=_data(options),
        recordings=options.recordings or recordings_folder(),
        photo=options.photo,
        also=tuple(options.also),
        consent=options.consent,
        input=options.input,
        outputs=tuple(options.output),
        settings=_settings_of(options),
        signing=_signing_of(options),
    )

    def ready(opened: Opened) -> None:
        print(f"the studio is open: {opened.url}", flush=True)
        if opened.note:
            print(opened.note, flush=True)
        print(f"{ACCEPTABLE_USE}\nCtrl-C ends it.", flush=True)
        if not options.no_browser:
            # OpenCV has changed the environment since the start.
            harden()
            webbrowser.open(opened.once)

    with contextlib.suppress(KeyboardInterrupt):
        run_studio(wanted, ready)
    return 0


def _devices(options: argparse.Namespace) -> int:
    from mien.media.capture.devices import describe_devices

    found = describe_devices()
    if options.json:
        _print_json(found)
        return 0
    report = Table(box=None, pad_edge=False)
    for column in ("kind", "id", "name", "what it offers"):
        report.add_column(column, overflow="fold")
    for group, devices in found.items():
        kind = group.replace("_", " ")
        if not devices:
            report.add_row(kind, "-", "none found", "")
        for facts in devices:
            modes = facts.get("modes") or ()
            offers = ", ".join(sorted({f"{mode['width']}x{mode['height']} {mode['pixel_format']}" for mode in modes}))
            report.add_row(kind, escape(str(facts["id"])), escape(str(facts["name"])), offers)
    Console(highlight=False).print(report)
    return 0


def _consent(options: argparse.Namespace) -> int:
    from mien.provenance.consent import Consents
    from mien.system.database import Database

    consents = Consents(Database(_data(options)))
    if options.action == "revoke":
        if options.id is None:
            raise UsageError("which statement is to be revoked?", "name its id; `mien consent` lists them")
        consents.revoke(options.id)
    elif options.id is not None:
        raise UsageError(f"{options.id!r} makes no sense here", "`mien consent revoke ID` revokes a statement")
    found = consents.all()
    if options.json:
        _print_json([_described_consent(each) for each in found])
        return 0
    report = Table(box=None, pad_edge=False)
    for column in ("id", "statement", "photo", "given", "revoked"):
        report.add_column(column, overflow="fold")
    for each in found:
        report.add_row(*(escape(str(value)) for value in _described_consent(each).values()))
    Console(highlight=False).print(report if found else "no statement has been given yet")
    return 0


def _described_consent(consent: "Consent") -> dict[str, str]:
    return {
        "id": consent.id,
        "statement": STATEMENTS.get(consent.statement, consent.statement),
        "photo": consent.photo,
        "given_at": consent.given_at.isoformat(timespec="seconds"),
        "revoked_at": consent.revoked_at.isoformat(timespec="seconds") if consent.revoked_at else "",
    }


def _certificate(options: argparse.Namespace) -> int:
    from mien.provenance.signing.installation import export_root, renew_signer
    from mien.provenance.trust import SIGNER_FOLDER

    folder = (_data(options)) / SIGNER_FOLDER
    if options.new:
        renew_signer(folder)
    print(export_root(folder).decode("ascii"), end="")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from mien.commands.targets import named_file
    from mien.provenance.trust import open_verifier
    from mien.provenance.verify import files_in

    verifier = open_verifier(_data(options), options.root, Settings(), search=not options.quick)
    reports, errors = [], 0
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    for file in files_in([named_file(name) for name in options.paths]):
        try:
            report = verifier.examine(file).described()
        except MienError as error:
            errors += 1
            report = {"file": str(file), "error": str(error)}
        reports.append(report)
        if not options.json:
            _print_report(console, report)
    if options.json:
        _print_json(reports)
    return UnreadableMedia.exit_code if errors else 0


def _print_report(console: Console, report: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(printable(report['file']))}[/]")
    if "error" in report:
        console.print(f"  [red]cannot be examined:[/] {escape(printable(report['error']))}")
        return
    for name in ("credentials", "mark", "fingerprint"):
        console.print(f"  {name:<12} {escape(printable(report[name]['words']))}")


def _doctor(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from mien.commands.doctor import examine
    from mien.models.library.store import Store

    findings = examine(Store())
    if options.json:
        _print_json([asdict(finding) for finding in findings])
    else:
        report = Table(box=None, pad_edge=False)
        for column in ("", "topic", "what", "state"):
            report.add_column(column, overflow="fold")
        for finding in findings:
            mark = "[bold red]!![/]" if not finding.fine else "[yellow]??[/]" if finding.untried else "[green]ok[/]"
            report.add_row(mark, finding.topic, escape(finding.name), escape(finding.state))
        Console(highlight=False).print(report)
    return 0 if all(finding.fine for finding in findings) else 1


def _models(options: argparse.Namespace) -> int:
    from mien.models.library.inventory import ABSENT, DAMAGED, list_models, shown_size
    from mien.models.library.store import Store

    rows = list_models(Store(), options.role)
    shown = [row for row in rows if options.all or row.state != ABSENT]
    if options.json:
        _print_json([row.described() for row in shown])
    else:
        console = Console(highlight=False)
        report = Table(box=None, pad_edge=False)
        for column in ("model", "size"):
            report.add_column(column, no_wrap=True)
        for column in ("licence", "state"):
            report.add_column(column, overflow="fold", min_width=len("not installed"))
        for role in dict.fromkeys(row.entry.role for row in shown):
            # A line of its own, so that the rest fits into the 80 columns of a terminal.
            report.add_row(f"[bold]{escape(role)}[/]")
            for row in (each for each in shown if each.entry.role == role):
                report.add_row(f"  {escape(row.entry.id)}", shown_size(row.entry), escape(row.entry.licence), _state(row))
        console.print(report)
        if len(rows) > len(shown):
            console.print(f"{len(rows) - len(shown)} more can be installed: `mien models --all`", soft_wrap=True)
    return ModelError.exit_code if any(row.state == DAMAGED for row in shown) else 0


def _state(row: "Listed") -> str:
    from mien.models.library.inventory import ABSENT, DAMAGED, way_to

    words = f"{row.state} ({way_to(row.entry)})" if row.state == ABSENT else row.state
    words = escape(f"{words}: {row.note}" if row.note else words)
    return f"[bold red]{words}[/]" if row.state == DAMAGED else words


def _models_info(options: argparse.Namespace) -> int:
    from mien.models.format.families import families
    from mien.models.library.inventory import needed_by, shown_size, state_of
    from mien.models.library.store import Store

    store = Store()
    entry = store.entry(options.id)
    row = state_of(entry, store)
    if options.json:
        _print_json(row.described())
        return 0
    family = families().get(entry.family)
    facts = {
        "model": entry.id,
        "role": entry.role,
        "state": _state(row),
        "file": escape(str(row.path)),
        "size": shown_size(entry),
        "sha256": entry.sha256 or "not published",
        "licence": escape(entry.licence),
        "in plain words": escape(entry.terms),
        "made by": escape(entry.credit),
        "origin": escape(entry.origin),
        "pulled from": escape("\n".join(entry.urls)),
        "works with": " and ".join(" or ".join(group) for group in needed_by(entry)),
        "family": escape(f"{family.name}: {family.note}" if family else ""),
        "fed with": escape(entry.feed),
    }
    report = Table(box=None, pad_edge=False, show_header=False)
    report.add_column(style="bold", no_wrap=True)
    report.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            report.add_row(name, value)
    Console(highlight=False).print(report)
    return 0


def _models_pull(options: argparse.Namespace) -> int:
    from mien.commands.modelling import pull_models
    from mien.models.library.download import MIRROR_VARIABLE
    from mien.models.library.inventory import missing_for
    from mien.models.library.store import Store

    store, console = Store(), Console(stderr=True, highlight=False, soft_wrap=True)
    asked = sys.stdin.isatty() and sys.stderr.isatty()

    def agree(entry: "ModelEntry") -> bool:
        return _agree(entry, console, accepted=options.accept_licence, asked=asked)

    paths = pull_models(options.ids, store, agree, console, options.mirror or os.environ.get(MIRROR_VARIABLE))
    for path in paths:
        print(path)
    _tell_missing({need for name in options.ids for need in missing_for(store.entry(name), store)}, console)
    return 0


def _agree(entry: "ModelEntry", console: Console, *, accepted: bool, asked: bool) -> bool:
    """Show the licence, and ask unless it is accepted already; raises `UsageError` when there is nobody to ask."""
    console.print(f"[bold]{escape(entry.id)}[/], {escape(entry.origin)}\n  by {escape(entry.credit)}", emoji=False)
    console.print(f"  licence: {escape(entry.licence)}\n  {escape(entry.terms)}", emoji=False)
    if accepted:
        return True
    if not asked:
        raise UsageError(f"nobody has agreed to the licence of {entry.id}", "add --accept-licence if you do")
    try:
        return Confirm.ask("Do you agree?", console=console, default=False)
    except EOFError:
        return False


def _models_import(options: argparse.Namespace) -> int:
    from mien.models.library.importing import import_models
    from mien.models.library.inventory import STANDIN, missing_for
    from mien.models.library.store import Store

    store, console = Store(), Console(stderr=True, highlight=False, soft_wrap=True)

    def tell(line: str) -> None:
        console.print(escape(printable(line)), emoji=False)

    taken = import_models(options.paths, store, trust=options.trust, family=options.family, report=tell)
    for each in taken:
        print(f"{each.entry.id}: {printable(str(each.path))}{'' if each.fresh else ', which was here already'}")
        terms = f"{each.entry.licence}: {each.entry.terms}" if each.entry.terms else each.entry.licence
        tell(f"  {STANDIN if each.entry.standin else terms}")
    _tell_missing({need for each in taken for need in missing_for(each.entry, store)}, console)
    return 0


def _tell_missing(needs: set[str], console: Console) -> None:
    for need in sorted(needs):
        console.print(f"still missing beside it: {need} (`mien models info`)")


def _models_verify(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from mien.commands.modelling import check_models
    from mien.models.library.store import Store

    found, console = [], Console(highlight=False, soft_wrap=True)
    for checked in check_models(options.ids, Store()):
        found.append(checked)
        if options.json:
            continue
        if checked.fault:
            words = f"{checked.model_id}: {escape(printable(checked.fault))}\n   {escape(printable(checked.remedy))}"
            console.print(f"[bold red]!![/] {words}", emoji=False)
        else:
            console.print(f"[green]ok[/] {checked.model_id}")
    if options.json:
        _print_json([asdict(checked) for checked in found])
    return ModelError.exit_code if any(checked.fault for checked in found) else 0


def _models_remove(options: argparse.Namespace) -> int:
    from mien.models.library.importing import remove
    from mien.models.library.store import Store

    store = Store()
    for model_id in dict.fromkeys(options.ids):
        remove(model_id, store)
        print(f"{model_id} is removed")
    return 0


def _settings_table(options: argparse.Namespace) -> int:
    rows = list(table())
    if options.json:
        from dataclasses import asdict

        _print_json([asdict(row) for row in rows])
        return 0
    report = Table(box=None, pad_edge=False)
    for column in ("setting", "default", "bounds", "what it does"):
        report.add_column(column, overflow="fold")
    for row in rows:
        bounds = ", ".join(row.choices or row.several) or (f"{row.low or 0:g} to {row.high:g}" if row.high is not None else "")
        report.add_row(row.name, escape(str(row.default)), bounds, escape(row.help))
    Console(highlight=False).print(report)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from mien.commands.measuring import run_bench, write_whole

    figures = run_bench(options.portrait, options.photo, options.frames, _settings_of(options), options.consent)
    text = json.dumps(figures, indent=2)
    if options.json:
        write_whole(options.json, f"{text}\n".encode())
    print(text)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from mien.commands.measuring import EvaluationPlan, run_evaluation

    media = Path(os.environ[_MEDIA_VARIABLE]) if os.environ.get(_MEDIA_VARIABLE) else None
    faces, clips = options.faces or (media and media / "faces"), options.clips or (media and media / "clips")
    if faces is None:
        raise UsageError("no portraits to evaluate on", f"name a folder of them, or set {_MEDIA_VARIABLE}")
    plan = EvaluationPlan(faces, clips, options.only, options.pairs, options.flicker_frames, options.quick)
    sections = run_evaluation(plan, options.output, _settings_of(options))
    console = Console(highlight=False)
    report = Table(box=None, pad_edge=False)
    for column in ("figure", "measured", "asked for", ""):
        report.add_column(column, overflow="fold")
    for section in sections:
        report.add_row(f"[bold]{escape(section.title)}[/]")
        for figure in section.figures:
            style = "green" if figure.verdict == "reached" else "red"
            verdict = f"[{style}]{figure.verdict}[/]" if figure.verdict else ""
            report.add_row(f"  {escape(figure.name)}", figure.shown, figure.bar, verdict)
        for note in section.notes:
            report.add_row(f"  {escape(note)}")
    console.print(report)
    console.print(f"report: {escape(str(options.output / 'report.html'))}", soft_wrap=True)
    return 0


def _train(options: argparse.Namespace) -> int:
    try:
        from mien.lab.training import finish
    except ModuleNotFoundError as error:
        reason = f"training needs {error.name}, which is not installed"
        raise UsageError(reason, f"install it with: {install_command('train')}") from error
    console = Console(stderr=True, highlight=False)
    if options.evaluate:
        figures = finish.run_comparison(options.data, options.output, options.swaps, console.print)
    else:
        figures = finish.run_training(
            options.data, options.output or Path("finish.onnx"), options.minutes, console.print,
            resume=options.resume, noncommercial=options.noncommercial,
        )  # fmt: skip
    _print_json(figures)
    return 0


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())
