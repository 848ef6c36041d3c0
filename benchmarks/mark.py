"""Benchmark of the mark: what it survives, what it costs, and its false positives. A command, never a test.

    .venv/bin/python benchmarks/mark.py --media FOLDER
    .venv/bin/python benchmarks/mark.py --media FOLDER --quick --only "H.264"
    .venv/bin/python benchmarks/mark.py --media FOLDER --parts chance --false-positives 1000000

FOLDER holds clips/ and faces/; without it the bundled examples stand alone. Every window is 24 frames, encoded with 12 before
it that are thrown away, so that it does not begin with a whole picture of the encoder's.
"""

import argparse
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.media.files.encoders import candidates
from mien.provenance.mark import correlation
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.pattern import CODES, GRID, HIGHEST, MARK_MIN_SIDE_PIXELS, Marker, code_spectra
from mien.settings import Settings
from mien.system.scheduling import ordinary_scheduling
from mien.types import Array, Floats, Image

EXAMPLES = Path(__file__).parent.parent / "examples"
WINDOW, LEAD_IN = 24, 12
MARK_ID = 0xA53C96
PARTS = ("attacks", "cost", "speed", "stills", "chance")
_BATCH = 50
"""Trials computed together: no more than the cache holds."""

Frames = list[Image]


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that happens to a marked video. `search`: the geometry is not whole any more. `bar`: 99 % are promised."""

    name: str
    apply: Callable[[Frames], Frames]
    search: bool = False
    bar: bool = False


@dataclass(slots=True)
class Row:
    """Windows and single frames with the right id, and their totals; `wrong` counts ids that are not the one laid."""

    windows: int = 0
    windows_read: int = 0
    frames_read: int = 0
    wrong: int = 0
    lost: list[str] = field(default_factory=list)
    z: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, help="a folder with clips/ and faces/")
    parser.add_argument("--quick", action="store_true", help="one window a clip, every third still")
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    parser.add_argument("--promised", action="store_true", help="only attacks after which 99 % are promised")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", choices=("own", "720p"), default=("own", "720p"))
    parser.add_argument("--false-positives", type=int, default=100_000, metavar="N", help="unmarked key trials")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    given = parser.parse_args()
    os.environ.setdefault("SVT_LOG", "1")
    av.logging.set_level(av.logging.ERROR)
    result: dict[str, Any] = {}
    for part in given.parts:
        started = time.monotonic()
        result[part] = _PARTS[part](given)
        print(f"({part}: {time.monotonic() - started:.0f} s)\n", flush=True)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


# What is measured on


def clip_paths(media: Path | None) -> list[Path]:
    found = sorted(path for path in (media / "clips").iterdir() if path.suffix in {".mp4", ".mkv"}) if media else []
    return [EXAMPLES / "clip.mp4", *found]


def still_paths(media: Path | None) -> list[Path]:
    found = sorted(media.glob("faces/*/*.jpg")) if media else []
    return [EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png", *found]


def windows_of(path: Path, most: int) -> list[Frames]:
    """Stretches of `LEAD_IN + WINDOW` frames, evenly spread."""
    with av.open(str(path)) as container:
        total = sum(1 for _ in container.decode(video=0))
    need = LEAD_IN + WINDOW
    count = min(most, total // need)
    starts = [round(number * (total - need) / max(count - 1, 1)) for number in range(count)]
    windows: list[Frames] = [[] for _ in starts]
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            takers = [number for number, start in enumerate(starts) if start <= index < start + need]
            if takers:
                image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                for number in takers:
                    windows[number].append(image)
    return windows


def first_frames(path: Path, most: int) -> Frames:
    with av.open(str(path)) as container:
        decoded = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0))
        return [frame for _, frame in zip(range(most), decoded, strict=False)]


def sized(frames: Frames, size: str) -> Frames:
    return frames if size == "own" else [to_height(frame, 720) for frame in frames]


def marked(frames: Frames) -> Frames:
    marker = Marker(MARK_ID)
    copies = [frame.copy() for frame in frames]
    for copy in copies:
        marker.mark(copy)
    return copies


# Attacks


def to_height(image: Image, height: int) -> Image:
    width = round(image.shape[1] * height / image.shape[0] / 2) * 2
    return resized(image, width, height)


def resized(image: Image, width: int, height: int) -> Image:
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def each(change: Callable[[Image], Image]) -> Callable[[Frames], Frames]:
    return lambda frames: [np.ascontiguousarray(change(frame), np.uint8) for frame in frames]


def encoded(
    frames: Frames, codec: str, options: dict[str, str], bit_rate: int | None = None, pixel_format: str = "yuv420p"
) -> tuple[Frames, int]:
    """Return the frames after the codec, and the bytes of its packets."""
    buffer, size = io.BytesIO(), 0
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=Fraction(30), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        with ordinary_scheduling():
            out.start_encoding()
        for frame in [*frames, None]:
            whole = None if frame is None else np.ascontiguousarray(frame[:height, :width])
            packets = stream.encode(None if whole is None else av.VideoFrame.from_ndarray(whole, format="bgr24"))
            size += sum(packet.size for packet in packets)
            out.mux(packets)
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        decoded = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]
    return decoded, size


def x264(crf: int, preset: str = "medium") -> Callable[[Frames], Frames]:
    return lambda frames: encoded(frames, "libx264", {"crf": str(crf), "preset": preset})[0]


def own_encoder(codec: str) -> Callable[[Frames], Frames]:
    """Return mien's own encoder settings at the default quality."""
    return lambda frames: encode_as_the_project(frames, codec)[0]


def encode_as_the_project(frames: Frames, codec: str = "h264") -> tuple[Frames, int]:
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    encoder = candidates(codec, width, height, Settings())[-1]
    return encoded(frames, encoder.name, {**_QUIET.get(encoder.name, {}), **encoder.options}, pixel_format=encoder.pixel_format)


_QUIET = {"libx265": {"x265-params": "log-level=error"}}


def hevc(crf: int) -> Callable[[Frames], Frames]:
    return lambda frames: encoded(frames, "libx265", {"crf": str(crf), "preset": "medium", **_QUIET["libx265"]})[0]


def realtime(codec: str, bit_rate: int) -> Callable[[Frames], Frames]:
    speed = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return lambda frames: encoded(frames, codec, speed, bit_rate)[0]


def av1(crf: int) -> Callable[[Frames], Frames]:
    return lambda frames: encoded(frames, "libsvtav1", {"preset": "10", "crf": str(crf)})[0]


def jpeg(quality: int) -> Callable[[Image], Image]:
    return lambda image: np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR), np.uint8
    )


def call_size(image: Image) -> Image:
    """360 lines; what has no more stays."""
    return to_height(image, 360) if image.shape[0] > 360 else image


def call_size_and_back(image: Image) -> Image:
    return resized(to_height(image, min(360, image.shape[0] // 2 * 2)), image.shape[1], image.shape[0])


def cropped(image: Image) -> Image:
    """Without a tenth of its width and height."""
    height, width = image.shape[:2]
    top, left = round(0.04 * height), round(0.07 * width)
    return image[top : top + round(0.9 * height), left : left + round(0.9 * width)]


def cropped_and_zoomed(image: Image) -> Image:
    return resized(cropped(image), image.shape[1], image.shape[0])


def mirrored(image: Image) -> Image:
    return image[:, ::-1]


def piece(image: Image) -> Image:
    height, width = image.shape[:2]
    top, left = max(0, (height - 320) // 2), max(0, (width - 320) // 3)
    return image[top : top + 320, left : left + 320]


def turned(degrees: float) -> Callable[[Image], Image]:
    def turn(image: Image) -> Image:
        height, width = image.shape[:2]
        about_middle = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(image, about_middle, (width, height), flags=cv2.INTER_LINEAR), np.uint8)

    return turn


def screenshot(image: Image) -> Image:
    height, width = image.shape[:2]
    moved = np.array([[0.83, 0, 0.3], [0, 0.83, 0.6]])
    return jpeg(85)(np.asarray(cv2.warpAffine(image, moved, (round(0.83 * width), round(0.83 * height))), np.uint8))


def gamma(image: Image) -> Image:
    return np.rint(255 * (np.arange(256) / 255) ** 0.6).astype(np.uint8)[image]


def brightened(image: Image) -> Image:
    return np.asarray(cv2.convertScaleAbs(image, alpha=1.2, beta=15), np.uint8)


def noisy(frames: Frames) -> Frames:
    draws = np.random.default_rng(0)
    return [np.clip(frame + draws.normal(0, 8, frame.shape), 0, 255).round().astype(np.uint8) for frame in frames]


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8)


def overlaid(image: Image) -> Image:
    """Lay a plate over an eighth of the picture, and a line of text across it."""
    covered = image.copy()
    height, width = image.shape[:2]
    cv2.rectangle(covered, (0, 0), (width // 2, height // 4), (30, 30, 30), -1)
    foot = width // 20, height - height // 10
    cv2.putText(covered, "ON AIR 12:34", foot, cv2.FONT_HERSHEY_SIMPLEX, height / 200, (255, 255, 255), 3)
    return covered


def after(*changes: Callable[[Frames], Frames]) -> Callable[[Frames], Frames]:
    def apply(frames: Frames) -> Frames:
        for change in changes:
            frames = change(frames)
        return frames

    return apply


ATTACKS = (
    Attack("none", lambda frames: frames),
    Attack("project's own H.264, quality 80", own_encoder("h264")),
    Attack("project's own HEVC, quality 80", own_encoder("hevc")),
    Attack("project's own VP9, quality 80", own_encoder("vp9")),
    Attack("project's own AV1, quality 80", own_encoder("av1")),
    Attack("H.264 CRF 23", x264(23), bar=True),
    Attack("H.264 CRF 28", x264(28), bar=True),
    Attack("H.264 CRF 35", x264(35)),
    Attack("H.264 CRF 23, then CRF 28", after(x264(23), x264(28))),
    Attack("JPEG q50", each(jpeg(50))),
    Attack("JPEG q25", each(jpeg(25)), bar=True),
    Attack("360p and back", each(call_size_and_back), bar=True),
    Attack("360p + CRF 28 (a call)", after(each(call_size), x264(28))),
    Attack("360p + CRF 35", after(each(call_size), x264(35))),
    Attack("HEVC CRF 28", hevc(28)),
    Attack("VP8 realtime 1.2 Mbit/s", realtime("libvpx", 1_200_000)),
    Attack("360p + VP8 realtime 500 kbit/s", after(each(call_size), realtime("libvpx", 500_000))),
    Attack("VP9 realtime 1.0 Mbit/s", realtime("libvpx-vp9", 1_000_000)),
    Attack("360p + VP9 realtime 400 kbit/s", after(each(call_size), realtime("libvpx-vp9", 400_000))),
    Attack("AV1 CRF 35", av1(35)),
    Attack("AV1 CRF 50", av1(50)),
    Attack("10 % crop", each(cropped), search=True),
    Attack("10 % crop, zoomed back", each(cropped_and_zoomed), search=True, bar=True),
    Attack("10 % crop, zoomed back, CRF 28", after(each(cropped_and_zoomed), x264(28)), search=True),
    Attack("mirror", each(mirrored), bar=True),
    Attack("mirror, 10 % crop", each(lambda image: cropped(mirrored(image))), search=True),
    Attack("a piece of 320 x 320", each(piece), search=True, bar=True),
    Attack("turned by 1 degree", each(turned(1)), search=True),
    Attack("turned by 3 degrees", each(turned(3)), search=True),
    Attack("turned by 5 degrees", each(turned(5)), search=True),
    Attack("turned by 3 degrees, CRF 28", after(each(turned(3)), x264(28)), search=True),
    Attack("screenshot: 0.83, sub-pixel shift, JPEG 85", each(screenshot), search=True),
    Attack("gamma 0.6", each(gamma)),
    Attack("brightness x 1.2 + 15", each(brightened)),
    Attack("noise, deviation 8", noisy),
    Attack("blur, deviation 1.5", each(blurred)),
    Attack("overlays", each(overlaid)),
)


def read_together(frames: Sequence[Image], search: bool = False) -> MarkFound | None:
    reader = MarkReader()
    for frame in frames:
        reader.add(frame)
    return reader.read(search=search)


def bench_attacks(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Every attack on every window, at the clip's own size and at 720 lines."""
    attacks = [attack for attack in ATTACKS if given.only in attack.name and (attack.bar or not given.promised)]
    table: dict[str, dict[str, Row]] = {size: {attack.name: Row() for attack in attacks} for size in given.sizes}
    for path in clip_paths(given.media):
        for size in given.sizes:
            if size == "own" and path.parent == EXAMPLES:
                # It has 720 lines.
                continue
            for number, window in enumerate(windows_of(path, 1 if given.quick else 3)):
                frames = marked(sized(window, size))
                for attack in attacks:
                    if "320" in attack.name and min(frames[0].shape[:2]) < 320:
                        continue
                    _judge(table[size][attack.name], attack.apply(frames)[LEAD_IN:], attack.search, f"{path.stem}/{number}")
    print(f"{'right id in windows of 24 frames (single frames)':50}" + "".join(f"{size:>30}" for size in given.sizes))
    for attack in attacks:
        cells = [_cell(table[size][attack.name]) for size in given.sizes]
        print(f"{attack.name + (' *' if attack.bar else ''):50}" + "".join(f"{cell:>30}" for cell in cells))
    print("* promised: 99 %. z: the lowest of all windows where the mark was found")
    return {size: {name: asdict(row) for name, row in rows.items()} for size, rows in table.items()}


def _judge(row: Row, frames: Frames, search: bool, name: str) -> None:
    found, single = read_together(frames, search=search), read_together(frames[WINDOW // 2 :][:1], search)
    row.windows += 1
    row.windows_read += found is not None and found.mark_id == MARK_ID
    row.frames_read += single is not None and single.mark_id == MARK_ID
    row.wrong += sum(each is not None and each.mark_id not in {None, MARK_ID} for each in (found, single))
    if found is not None:
        row.z.append(round(found.z, 1))
    if found is None or found.mark_id != MARK_ID:
        row.lost.append(name)


def _cell(row: Row) -> str:
    if not row.windows:
        return "-"
    wrong = f" WRONG {row.wrong}" if row.wrong else ""
    lowest = f"{min(row.z):5.1f}" if row.z else "    -"
    return f"{row.windows_read}/{row.windows} ({row.frames_read / row.windows:4.0%}) z {lowest}{wrong}"


# Cost


def bench_cost(given: argparse.Namespace) -> dict[str, Any]:
    """Bytes of the default encoder with and without the mark, and the peak signal-to-noise ratio, clip by clip."""
    result: dict[str, Any] = {}
    for size in given.sizes:
        rows: dict[str, dict[str, float]] = {}
        for path in clip_paths(given.media):
            if size == "own" and path.parent == EXAMPLES:
                continue
            frames = sized(first_frames(path, 60 if given.quick else 150), size)
            laid = marked(frames)
            plain, with_mark = encode_as_the_project(frames)[1], encode_as_the_project(laid)[1]
            rows[path.stem] = {"bytes": plain, "marked": with_mark, "psnr": min(map(psnr, frames, laid))}
        all_plain, all_marked = (sum(row[name] for row in rows.values()) for name in ("bytes", "marked"))
        for name, row in rows.items():
            more = row["marked"] / row["bytes"] - 1
            print(f"{size:5} {name:20} {row['bytes']:9.0f} bytes, marked {more:+6.1%}, PSNR {row['psnr']:.1f} dB")
        print(f"{size:5} {'all':20} {all_plain:9.0f} bytes, marked {all_marked / all_plain - 1:+6.1%}")
        result[size] = {"clips": rows, "total": all_marked / all_plain - 1}
    return result


def psnr(image: Image, other: Image) -> float:
    """In dB, over all channels."""
    error = float(((image.astype(np.float32) - other) ** 2).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


# Speed


def bench_speed(given: argparse.Namespace) -> dict[str, float]:
    """Milliseconds, on one thread of OpenCV's."""
    cv2.setNumThreads(1)
    frames = sized(windows_of(EXAMPLES / "clip.mp4", 1)[0], "720p")[:WINDOW]
    result: dict[str, float] = {}
    for name, height in (("720p", 720), ("1080p", 1080), ("2160p", 2160)):
        image, marker = to_height(frames[0], height), Marker(MARK_ID)
        first, *times = (_ms(marker.mark, image) for _ in range(600 if height < 2000 else 60))
        result[f"{name} first"] = first
        result[f"{name} median"], result[f"{name} p99"] = float(np.median(times)), float(np.percentile(times, 99))
    still = to_height(frames[0], 4000)[:, :6000]
    result["24 megapixels"] = _ms(Marker(MARK_ID).mark, np.ascontiguousarray(still))
    laid = marked(frames)
    reader = MarkReader()
    result["add, a frame of 720p"] = float(np.median([_ms(reader.add, frame) for frame in laid]))
    result["24 frames of 720p"] = _ms(read_together, laid)
    result["read, whole"] = _ms(reader.read)
    # The first search compiles its kernel.
    read_together(frames, search=True)
    result["24 frames of 720p, searched in vain"] = _ms(read_together, frames, True)
    result["24 megapixels, searched in vain"] = _ms(read_together, [still], True)
    for name, value in result.items():
        print(f"{name:40} {value:9.2f} ms")
    return result


def _ms(work: Callable[..., object], *given: object) -> float:
    started = time.perf_counter()
    work(*given)
    return (time.perf_counter() - started) * 1000


# Stills


def bench_stills(given: argparse.Namespace) -> dict[str, str]:
    """Right ids of photographs at many sizes after what pictures are saved as, and of video at small sizes."""
    paths = still_paths(given.media)[:: 3 if given.quick else 1]
    savers: dict[str, Callable[[Image], Any]] = {
        "JPEG q90": jpeg(90), "JPEG q75": jpeg(75), "JPEG q50": jpeg(50),
        "WebP q90": lambda image: cv2.imdecode(cv2.imencode(".webp", image, (cv2.IMWRITE_WEBP_QUALITY, 90))[1], 1),
    }  # fmt: skip
    result = {}
    print(f"{'longer side':12}" + "".join(f"{name:>14}" for name in savers) + f"{'video, 24':>14}")
    for side in (MARK_MIN_SIDE_PIXELS, 128, 160, 192, 224, 256, 320, 400, 640, 800, 1280, 2000):
        counts, videos, most = dict.fromkeys(savers, 0), 0, 0
        for path in paths:
            image = _upright(path, side)
            if min(image.shape[:2]) < MARK_MIN_SIDE_PIXELS:
                continue
            most += 1
            laid = marked([image])[0]
            for name, save in savers.items():
                found = read_together([np.asarray(save(laid), np.uint8)])
                counts[name] += found is not None and found.mark_id == MARK_ID
            found = read_together(encode_as_the_project([laid] * WINDOW)[0]) if side <= 320 else None
            videos += found is not None and found.mark_id == MARK_ID
        cells = [f"{count}/{most}" for count in counts.values()] + ([f"{videos}/{most}"] if side <= 320 else ["-"])
        print(f"{side:<12}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
        result[str(side)] = " ".join(cells)
    return result


def _upright(path: Path, side: int) -> Image:
    image = cv2.imread(str(path))
    assert image is not None, path
    scale = side / max(image.shape[:2])
    return resized(np.asarray(image, np.uint8), round(image.shape[1] * scale), round(image.shape[0] * scale))


# Chance


def bench_chance(given: argparse.Namespace) -> dict[str, Any]:
    """Random keys against the tiles of unmarked pictures and averaged clips, and real searches on all of them."""
    readers: dict[str, MarkReader] = {}
    for path in clip_paths(given.media):
        for number, window in enumerate(windows_of(path, 2)):
            for frame in window:
                readers.setdefault(f"{path.stem}/{number}", MarkReader()).add(frame)
    for path in still_paths(given.media):
        readers[f"{path.parent.name}/{path.stem}"] = MarkReader()
        readers[f"{path.parent.name}/{path.stem}"].add(_upright(path, 800))
    tiles = [tile for reader in readers.values() for tile in reader.tiles().values()]
    whole, searched = (np.concatenate(values) for values in zip(*chance(tiles, given.false_positives), strict=True))
    found = {name: reader.read(search=True) for name, reader in readers.items()}
    result: dict[str, Any] = {"trials": len(whole), "tiles": len(tiles), "alarms": {n: str(f) for n, f in found.items() if f}}
    for name, values, threshold in (
        ("whole", whole, correlation.MIN_WHOLE_Z),
        ("searched", searched, correlation.MIN_SEARCHED_Z),
    ):
        shares = (50, 90, 99, 99.9, 99.99, 99.999)
        result[name] = {
            "mean": float(values.mean()), "deviation": float(values.std()), "most": float(values.max()),
            "quantiles": dict(zip(map(str, shares), np.percentile(values, shares).tolist(), strict=True)),
        }  # fmt: skip
        print(f"{name}: {json.dumps(result[name])}, found from {threshold}")
    print(f"{len(whole)} trials on {len(tiles)} tiles")
    print(f"marks found by searches in {len(readers)} unmarked inputs: {result['alarms']}")
    return result


def chance(tiles: Sequence[Floats], trials: int) -> Iterator[tuple[Array, Array]]:
    """Yield the statistic under random keys, batch by batch: around the corner, and the best of all shifts."""
    half, draws = half_band(), np.random.default_rng(0)
    circle = np.exp(2j * np.pi * np.arange(65536) / 65536).astype(np.complex64)
    for start in range(0, trials, _BATCH):
        spectrum = correlation.flattened(tiles[start // _BATCH % len(tiles)]).astype(np.complex64)
        count = min(_BATCH, trials - start), CODES, int(half.sum())
        heights = correlation.statistic(keyed_maps(spectrum, circle[draws.integers(0, 65536, count, np.uint16)]))
        yield correlation.at_neighbours(heights), heights.max((1, 2))


def half_band() -> Array:
    """bool (64, 13): one of each two opposite frequencies of the band."""
    band: Array = np.abs(code_spectra()[0]) > 0
    half = band[:, : int(HIGHEST) + 1].copy()
    half[GRID // 2 :, 0] = False
    return half


def keyed_maps(spectrum: Array, phases: Array) -> Array:
    """Return `correlation.correlate` for codes that have these phases (n, 5, m) at `half_band`, by half the work."""
    half = half_band()
    weights = spectrum[:, : half.shape[1]][half]
    product = np.zeros((*phases.shape[:2], *half.shape), np.complex64)
    product[..., half] = phases * (weights * np.float32(GRID * GRID / max(np.sqrt(2) * np.linalg.norm(weights), 1e-9)))
    # Of a first column, the inverse of a half spectrum takes the real part only.
    product[..., 0] *= 2
    return np.asarray(np.fft.irfft(np.fft.ifft(product, axis=-2), GRID, axis=-1))


_PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "attacks": bench_attacks,
    "cost": bench_cost,
    "speed": bench_speed,
    "stills": bench_stills,
    "chance": bench_chance,
}


if __name__ == "__main__":
    main()
