"""Benchmark of credentials: time, size, memory, and flipped bits. A command, never a test.

    .venv/bin/python benchmarks/credentials.py speed
    .venv/bin/python benchmarks/credentials.py memory --megabytes 2000
    .venv/bin/python benchmarks/credentials.py flips --count 200

`speed` signs 30 s of 1280x720 at 30 frames/s with a parent, and pictures; `memory` signs and reads a video of that size, each
in a process of its own, and prints the peak memory of each.
"""

import argparse
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np

from mien.provenance.credentials.claim import Claim, ConsentClaim
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from mien.types import Image

SECONDS, RATE, WIDTH, HEIGHT = 30, 30, 1280, 720
CRF = "20"


def _picture(shift: int = 0) -> Image:
    """Return a soft pattern that moves, with a little noise that stands still."""
    x, y = np.meshgrid(np.arange(WIDTH) + shift * 3, np.arange(HEIGHT))
    slope = np.dstack([128 + 100 * np.sin(x / 90), 128 + 100 * np.cos(y / 70), 128 + 100 * np.sin((x + y) / 150)])
    return np.clip(slope + np.random.default_rng(1).normal(0, 2, slope.shape), 0, 255).astype(np.uint8)


def _video(path: Path, seconds: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": CRF, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        base, noise = _picture(), np.random.default_rng(2).integers(0, 8, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        for index in range(seconds * RATE):
            moved: Image = np.roll(base, index * 3, axis=1) // 2 + np.roll(noise, index * 97, axis=0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")))
        container.mux(stream.encode())
    return path


def _claim(path: Path) -> Claim:
    now = datetime.now(UTC)
    return Claim(path.name, "mesh", 0x123456, "shown", "bottom right", (ConsentClaim("self", now),), now)


def _anchors(signer: Signer) -> list[bytes]:
    return [signer.root] if signer.root else []


def speed(folder: Path, rounds: int) -> None:
    signer = open_signer(folder / "identity")
    files = [_video(folder / "30s.mp4", SECONDS)]
    for kind in (".jpg", ".png", ".webp", ".tif"):
        files.append(folder / f"photo{kind}")
        cv2.imwrite(str(files[-1]), _picture())
    files += [folder / "30s.mov", folder / "30s.mkv"]
    for path in files[-2:]:
        with av.open(str(files[0])) as source, av.open(str(path), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    print("| file | size | signed: median, max | read: median, max | added |")
    print("|---|---|---|---|---|")
    for path in files:
        plain = path.read_bytes()
        parent = folder / f"parent{path.suffix}"
        parent.write_bytes(plain)
        signing, reading = [], []
        for _ in range(rounds):
            path.write_bytes(plain)
            started = time.perf_counter()
            signed = sign_file(path, _claim(path), signer, parent=parent)
            signing.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            found = read_credentials(path, anchors=_anchors(signer))
            reading.append((time.perf_counter() - started) * 1000)
            assert found.state == "trusted", found
        added = (signed.sidecar.stat().st_size if signed.sidecar else path.stat().st_size - len(plain)) / 1000
        print(
            f"| {path.name} | {len(plain) / 1e6:.2f} MB | {statistics.median(signing):.1f}, {max(signing):.1f} ms "
            f"| {statistics.median(reading):.1f}, {max(reading):.1f} ms | {added:.1f} kB{' beside' if signed.sidecar else ''} |"
        )


def memory(folder: Path, megabytes: int) -> None:
    signer = open_signer(folder / "identity")
    path = folder / "large.mp4"
    _stretch(_video(folder / "short.mp4", 2), path, megabytes * 1_000_000)
    for verb in ("nothing", "sign", "read"):
        done = subprocess.run(
            [sys.executable, __file__, "one", verb, str(path), str(folder / "identity")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(done.stdout.strip())
    assert read_credentials(path, anchors=_anchors(signer)).state == "trusted"


def one(verb: str, path: Path, folder: Path) -> None:
    signer = open_signer(folder)
    started = time.perf_counter()
    if verb == "sign":
        sign_file(path, _claim(path), signer, parent=None)
    elif verb == "read":
        read_credentials(path, anchors=_anchors(signer))
    took_s = time.perf_counter() - started
    print(f"{verb}: {path.stat().st_size / 1e6:.0f} MB, {took_s:.1f} s, peak {_peak_mb():.0f} MB")


def _peak_mb() -> float:
    """Return the peak memory of this process; on Linux `getrusage` adds that of the parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1000
    import resource  # Not on Windows.

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _stretch(source: Path, path: Path, size: int) -> None:
    """Write the same video with a longer `mdat`, so that the file has `size` bytes; the new bytes are a hole of zeros."""
    content = source.read_bytes()
    start = content.index(b"mdat") - 4
    (length,) = struct.unpack_from(">I", content, start)
    more = size - len(content)
    with path.open("wb") as file:
        file.write(content[:start] + struct.pack(">I", length + more) + content[start + 4 : start + length])
        file.seek(more, 1)
        file.write(content[start + length :])


def flips(folder: Path, count: int) -> None:
    signer = open_signer(folder / "identity")
    photo = folder / "photo.jpg"
    cv2.imwrite(str(photo), _picture())
    for path in (_video(folder / "clip.mp4", 5), photo):
        sign_file(path, _claim(path), signer, parent=None)
        sound = path.read_bytes()
        chance = random.Random(1)
        states: Counter[str] = Counter()
        unreported = []
        for _ in range(count):
            data, place = bytearray(sound), chance.randrange(len(sound))
            data[place] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            state = read_credentials(path, anchors=_anchors(signer)).state
            states[state] += 1
            if state not in {"changed", "damaged", "none"}:
                unreported.append(place)
        print(f"{path.name}, {len(sound)} bytes, {count} flips: {dict(states)}; unreported at {sorted(unreported)}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed").add_argument("--rounds", type=int, default=15)
    commands.add_parser("memory").add_argument("--megabytes", type=int, default=2000)
    commands.add_parser("flips").add_argument("--count", type=int, default=200)
    single = commands.add_parser("one")
    single.add_argument("verb", choices=("nothing", "sign", "read"))
    single.add_argument("path", type=Path)
    single.add_argument("identity", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "one":
        one(options.verb, options.path, options.identity)
        return
    with tempfile.TemporaryDirectory() as where:
        match options.command:
            case "speed":
                speed(Path(where), options.rounds)
            case "memory":
                memory(Path(where), options.megabytes)
            case _:
                flips(Path(where), options.count)


if __name__ == "__main__":
    main(sys.argv[1:])
