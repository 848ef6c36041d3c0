"""`mien live`: the studio, a local web page."""

import argparse
import contextlib
from pathlib import Path

from mien.commands.options import Commands, add_settings, add_trust, data_of, settings_of, signing_of
from mien.errors import UsageError
from mien.media.files.statement import ACCEPTABLE_USE
from mien.system.allocator import keep_few_arenas
from mien.system.folders import recordings_folder
from mien.system.programs import harden

_PORT = 7421  # of the studio; chosen freely


def add(commands: Commands) -> None:
    """Add the command's parser."""
    live = commands.add_parser(
        "live",
        help="open the studio: wear a face in front of a camera",
        description="Open the studio, a local web page: choose a photo, see yourself wearing it, send it on.",
    )
    live.add_argument(
        "--photo", metavar="PHOTO", type=Path,
        help="wear this face from the start: a photo, which needs --consent, or a stand-in (stand-in-1 to stand-in-16)",
    )  # fmt: skip
    live.add_argument(
        "--also", metavar="PHOTO|CLIP", type=Path, action="append", default=[],
        help="another photo, or a short clip, of the person in --photo; may be repeated",
    )  # fmt: skip
    live.add_argument("--input", metavar="INPUT", help="camera (0, /dev/video0), file, folder, URL, screen or browser")
    live.add_argument(
        "--output", metavar="OUTPUT", action="append", default=[],
        help="mp4 or mkv (recording), virtual-camera, or URL to stream to; may be repeated",
    )  # fmt: skip
    live.add_argument("--recordings", metavar="FOLDER", type=Path, help="folder for recordings (default: the videos folder)")
    add_trust(live)
    live.add_argument("--port", type=int, default=_PORT, help=f"port of the page, 0 = any free port (default {_PORT})")
    live.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, this machine only; with --share: 0.0.0.0, all IPv4 addresses)"
    )
    live.add_argument("--no-browser", action="store_true", help="print the address of the page, do not open it")
    live.add_argument("--share", action="store_true", help="admit other machines: needs a password, encrypts")
    live.add_argument("--name", action="append", default=[], help="host name for the certificate of --share; may be repeated")
    live.add_argument("--cert", metavar="PEM", type=Path, help="certificate for --share (default: self-signed)")
    live.add_argument("--key", metavar="PEM", type=Path, help="the certificate's private key")
    add_settings(live)
    live.set_defaults(run=_run, computes=True)


def _run(options: argparse.Namespace) -> int:
    from mien.studio.server.serve import Opened, Options, run_studio

    keep_few_arenas()
    if not 0 <= options.port <= 65535:
        raise UsageError(f"invalid port {options.port}", "use 1024-65535, or 0 for any free port")
    wanted = Options(
        host=options.host,
        port=options.port,
        share=options.share,
        names=tuple(options.name),
        certificate=options.cert,
        key=options.key,
        data=data_of(options),
        recordings=options.recordings or recordings_folder(),
        photo=options.photo,
        also=tuple(options.also),
        consent=options.consent,
        adult=options.adult,
        input=options.input,
        outputs=tuple(options.output),
        settings=settings_of(options),
        signing=signing_of(options),
    )

    def answering(opened: Opened) -> None:
        # The browser starts while the studio does.
        if not options.no_browser:
            # OpenCV has changed the environment since start-up.
            harden()
            import webbrowser

            webbrowser.open(opened.once)

    def ready(opened: Opened) -> None:
        print(f"the studio is open: {opened.url}", flush=True)
        if opened.note:
            print(opened.note, flush=True)
        print(f"{ACCEPTABLE_USE}\nCtrl-C ends it.", flush=True)

    with contextlib.suppress(KeyboardInterrupt):
        run_studio(wanted, answering, ready)
    return 0
