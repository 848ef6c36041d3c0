"""Benchmark of the check of a call: how often the mark's id is right, from what a call and a screen leave of it. A command.

    .venv/bin/python benchmarks/check.py --media FOLDER
    .venv/bin/python benchmarks/check.py --media FOLDER --parts unmarked --hours 10 --seconds 36000 --rate 10

FOLDER holds clips/; clips shorter than a window are played to and fro. Each window has 12 pictures of lead-in, thrown away, and
90 (3 s) that are read with a look each second, as `mien check` does. An id counts when it is right at one of the looks.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mark import MARK_ID, clip_paths, encoded, realtime, to_height, x264
from mien.check.rolling_mark import RollingMark
from mien.check.watch import Watch
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import Frame, Image

LEAD_IN, WINDOW, LOOK = 12, 90, 30
Frames = list[Image]
SCREEN_WH = 1280, 800


def ends() -> Callable[[Frames], Frames]:
    """H.264 as calls use it: no look-ahead, no refresh."""
    options = {"preset": "veryfast", "tune": "zerolatency", "g": "600"}
    return lambda frames: encoded(frames, "libx264", options, 250_000)[0]


def at_500(frames: Frames) -> Frames:
    """The same at twice the rate, before it is shown on a screen."""
    return encoded(frames, "libx264", {"preset": "veryfast", "tune": "zerolatency", "g": "600"}, 500_000)[0]


def on_screen(mirror: bool, draws: np.random.Generator) -> Callable[[Frames], Frames]:
    """Show the pictures on a desktop: place and width unknown, at fractions of a pixel."""

    def show(frames: Frames) -> Frames:
        height, width = frames[0].shape[:2]
        shown = float(draws.uniform(700, 1000))
        scale = shown / width
        lowest = max(40.0, SCREEN_WH[1] - scale * height)
        x, y = draws.uniform(0, SCREEN_WH[0] - shown), draws.uniform(40, lowest)
        desktop = np.full((SCREEN_WH[1], SCREEN_WH[0], 3), (96, 72, 48), np.uint8)
        desktop[:36] = (230, 230, 230)
        for line in range(60, 780, 24):
            cv2.putText(desktop, "a list of names beside the call", (12, line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (200,) * 3, 1)
        to_screen = np.array([[scale, 0, x], [0, scale, y]])
        found = []
        for frame in frames:
            picture = np.ascontiguousarray(frame[:, ::-1]) if mirror else frame
            laid = desktop.copy()
            cv2.warpAffine(picture, to_screen, SCREEN_WH, dst=laid, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
            found.append(laid)
        return found

    return show


def window_of(path: Path, number: int, most: int) -> Frames:
    """Return one of some windows of a clip, enlarged to 720 lines; shorter clips run to and fro."""
    with av.open(str(path)) as film:
        frames = [np.asarray(each.to_ndarray(format="bgr24"), np.uint8) for each in film.decode(video=0)]
    circle = [*frames, *frames[-2:0:-1]]
    start = number * max(1, len(circle) // most)
    return [to_height(circle[(start + step) % len(circle)], 720) for step in range(LEAD_IN + WINDOW)]


def watched(frames: Frames) -> tuple[list[int | None], float | None]:
    """Return the id of each look, and the seconds until the first right one; searches run between looks, as in a worker."""
    rolling = RollingMark()
    ids: list[int | None] = []
    first: float | None = None
    for number, frame in enumerate(frames, 1):
        rolling.add(frame)
        if number % LOOK == 0 or number == len(frames):
            found = rolling.read()
            if found is None and (greys := rolling.greys()):
                pending: Future[Any] = Future()
                pending.set_result(rolling.locate(greys))
                if (geometry := pending.result()) is not None:
                    rolling.settle(geometry)
                    found = rolling.read()
            ids.append(None if found is None else found.mark_id)
            if first is None and ids[-1] == MARK_ID:
                first = number / 30
    return ids, first


def bench_calls(given: argparse.Namespace) -> dict[str, Any]:
    """Right ids after the codecs of calls, at 360 lines."""
    draws = np.random.default_rng(5)
    kinds: dict[str, Callable[[Frames], Frames]] = {
        "H.264 CRF 28": x264(28), "H.264 250 kbit/s": ends(), "VP8 500 kbit/s": realtime("libvpx", 500_000),
        "screen, 500 kbit/s": lambda frames: on_screen(False, draws)(at_500(frames)),
        "screen, mirrored": lambda frames: on_screen(True, draws)(at_500(frames)),
    }  # fmt: skip
    rows: dict[str, dict[str, Any]] = {
        name: {"windows": 0, "right": 0, "wrong": 0, "lost": [], "first_s": []} for name in kinds
    }
    # Some kinds take long to make: fewer windows of them. The first windows of all clips come first.
    most = {"VP8 500 kbit/s": 1, "screen, 500 kbit/s": 2, "screen, mirrored": 2}
    for number in range(given.windows):
        for path in clip_paths(given.media):
            window = window_of(path, number, given.windows)
            marker = Marker(MARK_ID, headroom=True)
            for image in window:
                marker.mark(image)
            small = [to_height(image, 360) for image in window]
            for name, change in kinds.items():
                if given.only in name and number < most.get(name, given.windows):
                    _count(rows[name], watched(change(small)[LEAD_IN:]), f"{path.stem}/{number}")
            print(number, path.stem, {name: f"{row['right']}/{row['windows']}" for name, row in rows.items()}, flush=True)
    for name, row in rows.items():
        longest = max(row["first_s"], default=None)
        print(
            f"{name:24} {row['right']:3}/{row['windows']:<3} wrong {row['wrong']}, first id after at most {longest} s",
            row["lost"],
        )
    return rows


def _count(row: dict[str, Any], outcome: tuple[list[int | None], float | None], name: str) -> None:
    ids, first = outcome
    row["windows"] += 1
    row["right"] += first is not None
    row["wrong"] += any(each not in {None, MARK_ID} for each in ids)
    if first is None:
        row["lost"].append(name)
    else:
        row["first_s"].append(round(first, 2))


def bench_unmarked(given: argparse.Namespace) -> dict[str, Any]:
    """Finds in unmarked calls of five minutes, each cut, scaled, lit and coded in another way, watched as recordings are.

    The clips at hand are looped: hours are of pictures that were read, not of different scenes. At 10 pictures a second an hour
    takes a third of the time that it takes at 30, and as many looks.
    """
    ends_at = time.monotonic() + given.seconds
    draws = np.random.default_rng(given.seed)
    result: dict[str, Any] = {"hours": 0.0, "calls": 0, "looks": 0, "finds": [], "badges": []}
    films = clip_paths(given.media)
    while time.monotonic() < ends_at and result["hours"] < given.hours:
        path = films[int(draws.integers(len(films)))]
        watch, pictures, number = Watch(lambda _: False), 0, 0
        for frame in _unmarked_call(path, draws, given.rate):
            look = watch.see(Frame(frame, number, number, Fraction(1, given.rate)))
            number, pictures = number + 1, pictures + 1
            if look is not None:
                result["looks"] += 1
                result["finds"] += [f"{path.stem} {look.mark.z:.1f}"] if look.mark is not None else []
                result["badges"] += [f"{path.stem} {look.badge}"] if look.badge is not None else []
            if time.monotonic() > ends_at:
                break
        result["calls"] += 1
        result["hours"] = round(result["hours"] + pictures / given.rate / 3600, 4)
        if given.json:
            given.json.write_text(json.dumps({"unmarked": result}, indent=1) + "\n", "utf-8")
    print(result)
    return result


_MOST_DECODED = 450  # pictures of a clip; bounds memory to 1.2 GB of 720p
_CALL_S = 300


def _unmarked_call(path: Path, draws: np.random.Generator, rate: int) -> Iterator[Image]:
    """Yield a clip that runs to and fro: one cut, size and light for all of a call, the coding changes every `WINDOW`."""
    with av.open(str(path)) as film:
        decoded = zip(range(_MOST_DECODED), film.decode(video=0), strict=False)
        frames = [np.asarray(each.to_ndarray(format="bgr24"), np.uint8) for _, each in decoded]
    height, width = frames[0].shape[:2]
    wide, tall = (round(side * draws.uniform(0.6, 1.0)) for side in (width, height))
    left, top = int(draws.integers(width - wide + 1)), int(draws.integers(height - tall + 1))
    lines, mirror, gain = int(draws.choice([240, 288, 360, 480])), bool(draws.integers(2)), float(draws.uniform(0.6, 1.3))
    show = on_screen(False, draws) if draws.random() < 0.1 else None
    cut = [each[top : top + tall, left : left + wide] for each in frames]
    small = [to_height(np.ascontiguousarray(each[:, ::-1] if mirror else each), lines) for each in cut]
    lit = [np.asarray(cv2.convertScaleAbs(each, alpha=gain), np.uint8) for each in small]
    circle = [*lit, *lit[-2:0:-1]]
    place, step = int(draws.integers(len(circle))), 30 // rate
    for _ in range(_CALL_S * rate // WINDOW):
        taken = [circle[(place + number * step) % len(circle)] for number in range(WINDOW)]
        place += WINDOW * step
        if draws.random() < 0.5:
            coded = x264(int(draws.integers(20, 41)), "ultrafast")(taken)
        else:
            options = {"preset": "ultrafast", "tune": "zerolatency", "g": "600"}
            coded = encoded(taken, "libx264", options, int(draws.integers(150_000, 900_000)))[0]
        yield from coded if show is None else show(coded)


def bench_cost(given: argparse.Namespace) -> dict[str, float]:
    """Processor time of watching, a second of 30 pictures, on one thread."""
    frames = window_of(clip_paths(given.media)[0], 0, 1)
    labeller = Labeller(Settings(), Marker(MARK_ID, headroom=True), live=True)
    marked = [labeller.label(Frame(image, 0, 0, Fraction(1, 30))).frame.image for image in frames]
    result: dict[str, float] = {}
    for name, shown in (("360 lines", [to_height(each, 360) for each in marked]), ("720 lines", marked)):
        result[name] = _watching(RollingMark(), shown)
    screen = on_screen(False, np.random.default_rng(2))([to_height(each, 360) for each in marked])
    rolling = RollingMark()
    for frame in screen:
        rolling.add(frame)
    began = time.process_time()
    geometry = rolling.locate(rolling.greys())
    result["a search, s"] = time.process_time() - began
    assert geometry is not None
    rolling.settle(geometry)
    result["screen 1280 x 800, settled"] = _watching(rolling, screen)
    for name, value in result.items():
        print(f"{name:30} {value:.3f}")
    return result


def _watching(rolling: RollingMark, frames: Frames) -> float:
    """Return the share of a core at 30 pictures and one look a second."""
    for frame in frames[:30]:
        rolling.add(frame)
    shares = []
    for start in (30, 60):
        began = time.process_time()
        for frame in frames[start : start + 30]:
            rolling.add(frame)
        rolling.read()
        shares.append(time.process_time() - began)
    return min(shares)


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--windows", type=int, default=5, help="windows of a clip")
    parser.add_argument("--only", default="", help="codecs whose name holds this")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=600.0, help="time for the unmarked windows")
    parser.add_argument("--seed", type=int, default=1, help="of the unmarked calls; another one goes on where one ended")
    parser.add_argument("--rate", type=int, choices=(10, 15, 30), default=30, help="pictures a second of the unmarked calls")
    parser.add_argument("--parts", nargs="+", choices=tuple(_PARTS), default=tuple(_PARTS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    av.logging.set_level(av.logging.ERROR)
    cv2.setNumThreads(1)
    result = {part: _PARTS[part](given) for part in given.parts}
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


_PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {"calls": bench_calls, "unmarked": bench_unmarked, "cost": bench_cost}


if __name__ == "__main__":
    main()
