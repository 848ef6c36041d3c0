"""Small files, signed by a signer made for tests."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.provenance.credentials.claim import Claim, ConsentClaim
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from mien.types import Image

MARK_ID = 0xABCDEF
KINDS = (".jpg", ".png", ".webp", ".tif", ".mp4", ".mov", ".mkv")
EMBEDDED_KINDS = KINDS[:-1]
RECEIPT_KINDS = (".mkv", ".bmp")


def picture(width: int = 96, height: int = 64) -> Image:
    """Return colours in a soft slope, with noise; always the same."""
    x, y = np.meshgrid(np.arange(width) * 192 // width, np.arange(height) * 192 // height)
    slope = np.dstack([x, y, 192 - x])
    return (slope + np.random.default_rng(1).integers(0, 64, slope.shape)).astype(np.uint8)


def write_media(
    path: Path, frames: int = 6, width: int = 96, height: int = 64, options: dict[str, str] | None = None
) -> Path:  # fmt: skip
    """Write a picture or a short video, by the suffix; `options` are the container's."""
    image = picture(width, height)
    if path.suffix not in {".mp4", ".mov", ".mkv"}:
        assert cv2.imwrite(str(path), image)
        return path
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for shift in range(frames):
            moved = np.roll(image, shift * 4, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")))
        container.mux(stream.encode())
    return path


def a_claim(title: str = "out.mp4", **changes: object) -> Claim:
    """Return a claim on an output."""
    said: dict[str, object] = {
        "title": title, "engine": "mesh", "mark_id": MARK_ID, "label": "shown", "label_note": "bottom right, 5 % of the height",
        "consents": (ConsentClaim("self", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),),
        "made_at": datetime(2026, 2, 3, tzinfo=UTC),
    }  # fmt: skip
    make: Callable[..., Claim] = Claim
    return make(**(said | changes))


def signed_files(folder: Path, signer: Signer | None = None, kinds: Sequence[str] = KINDS) -> list[Path]:
    """Sign one file of each kind, with another one as its parent; return their paths."""
    used = signer or open_signer(folder / "identity")
    files = []
    for kind in kinds:
        target, path = write_media(folder / f"target{kind}"), write_media(folder / f"out{kind}")
        sign_file(path, a_claim(path.name), used, parent=target)
        files.append(path)
    return files


def anchors_of(signer: Signer) -> list[bytes]:
    """Return the roots of a signer of an installation."""
    assert signer.root is not None
    return [signer.root]


def pixels_of(path: Path) -> list[Any]:
    """Return all pictures as they are decoded; [] when they cannot be."""
    if path.suffix in {".mp4", ".mov", ".mkv"}:
        try:
            with av.open(str(path)) as container:
                return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        except (av.FFmpegError, IndexError):
            return []
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return [] if picture is None else [picture]


def same_pixels(one: list[Any], other: list[Any]) -> bool:
    """Return whether two lists hold the same pictures."""
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
