"""Search of a film for every face: decoding in the caller's thread, looks in threads of their own, joined in order."""

from array import array
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from mien.batch.job import Progress
from mien.errors import Cancelled
from mien.media.files.moving import MovingReader
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_print import print_of
from mien.swap.hiding.frame_search import FrameSearch
from mien.swap.hiding.path_search import Look
from mien.swap.tracking.scene_cut import SceneCuts
from mien.types import Detection, Frame

_AHEAD = 2  # frames for each thread that wait for their turn: 50 MB of 4K frames each


@dataclass(frozen=True, slots=True)
class Searched:
    """Result of a search: the paths of faces, and the time in seconds, the pts and the print of each frame."""

    paths: list[FacePath]
    times: "array[float]"
    pts: "array[int]"
    prints: "array[int]"


def search_video(
    reader: MovingReader,
    search: FrameSearch,
    watch: Callable[[Frame, list[FacePath]], None],
    report: Callable[[Progress], None],
    threads: int,
    cancel: Event | None = None,
) -> Searched:
    """Search every frame of `reader`, which the caller has entered.

    `watch` gets each frame with the paths that are followed in it. Raises `Cancelled` soon after `cancel` is set, and what
    the reader raises. The result does not depend on the number of `threads`.
    """
    paths, cuts, pts = search.open_paths(), SceneCuts(), array("q")
    prints: array[int] = array("L")
    pending: deque[tuple[Frame, bool, Future[list[Detection]]]] = deque()

    def take() -> None:
        frame, is_new, found = pending.popleft()
        paths.see(Look(frame.image, frame.time_s, is_new, tuple(found.result())))
        watch(frame, paths.followed)
        report(Progress(len(paths.times), reader.info.frame_count, len(paths.times) if paths.followed else 0))

    with ThreadPoolExecutor(threads, thread_name_prefix="mien-search") as pool:
        try:
            while (frame := reader.read()) is not None:
                is_new = cuts.is_cut(frame.image) or not pts
                pending.append((frame, is_new, pool.submit(search.look, frame.image, len(pts), whole=is_new)))
                pts.append(frame.pts)
                prints.append(print_of(frame.image))
                if len(pending) > _AHEAD * threads:
                    take()
                if cancel is not None and cancel.is_set():
                    raise Cancelled(f"stopped after {len(pts)} frames; nothing was written")
            while pending:
                take()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return Searched(paths.finish(), paths.times, pts, prints)
