"""Robustness of a running studio, as a person's machine treats it. A command, never a test.

    .venv/bin/python benchmarks/studio_cycles.py cycles --count 200 --busy 8
    .venv/bin/python benchmarks/studio_cycles.py freeze --count 20 --seconds 20
    .venv/bin/python benchmarks/studio_cycles.py delay --count 50 --seconds 1

`cycles` starts and stops the input beside busy processes: each start has to show the face, or say why not, within 10 s.
`freeze` stops the whole process, as a sleeping laptop does, and measures until a new picture comes. `delay` holds the events to
the page back, in headless Chromium, and counts the starts that a late state undoes.
"""

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

EXAMPLES = Path(__file__).parent.parent / "examples"
FACE, CLIP = EXAMPLES / "eileen_collins.png", EXAMPLES / "clip.mp4"
CHROMIUM = "/usr/bin/chromium"
SHOWN_WITHIN_S = 10.0
BACK_WITHIN_S = 5.0
_POLL_S = 0.05
_START_S = 300.0  # kernels are compiled at the first start
_LATE_EVENTS = """
const Native = WebSocket;
window.WebSocket = class extends Native {
  set onmessage(told) {
    super.onmessage = this.url.endsWith('/ws/events') ? (event) => setTimeout(() => told(event), %d) : told;
  }
};
"""
_SAMPLE_CYCLES = 10  # between two readings of memory, threads and descriptors


@dataclass(frozen=True, slots=True)
class RunningStudio:
    """A studio in a process of its own, with a face worn; `page` is its address with the token."""

    process: psutil.Process
    client: httpx.Client
    page: str

    def choose(self, spec: dict[str, Any]) -> None:
        self.client.put("/api/input", json=spec).raise_for_status()

    def metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/api/metrics").json()
        return found

    def reason(self) -> str:
        """Return what the studio says about a picture that does not come; empty for nothing."""
        chosen, metrics = self.client.get("/api/state").json()["input"], self.metrics()
        return str(chosen["message"] or metrics["why"])

    def seen(self) -> str:
        """Return the state of the input and what is shown, in two words."""
        return f"{self.client.get('/api/state').json()['input']['state']}, {self.metrics()['shown']}"

    def sends(self) -> bool:
        """Return whether a page sends its camera, as the input."""
        state = self.client.get("/api/state").json()
        return state["input"]["kind"] == "browser" and state["browser_camera"] is not None

    def load(self) -> dict[str, float]:
        return {
            "memory_mb": round(self.process.memory_info().rss / 1e6),
            "threads": self.process.num_threads(),
            "descriptors": self.process.num_fds(),
        }


@contextmanager
def running() -> Iterator[RunningStudio]:
    """Start `mien live` with a folder of its own and a face worn; end it in order."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "mien",
            "live",
            "--no-browser",
            "--port",
            "0",
            "--data",
            folder,
            "--recordings",
            folder,
        ]
        command += ["--photo", str(FACE), "--consent", "public-domain"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                page = line.partition(": ")[2].strip()
                base, _, token = page.partition("/?token=")
                headers = {"Authorization": f"Bearer {token}"}
                with httpx.Client(base_url=base, headers=headers, timeout=_START_S, trust_env=False) as client:
                    yield RunningStudio(psutil.Process(process.pid), client, page)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep this many processes busy meanwhile."""
    others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(count)]
    for each in others:
        each.start()
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.join()


def _spin() -> None:
    while True:
        sum(range(10_000))


@dataclass(slots=True)
class Starts:
    """Outcome of the starts so far: seconds until the face was worn, reasons that were told, starts without either."""

    worn_s: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.worn_s) + len(self.said) + len(self.silent)


def cycles(options: argparse.Namespace) -> dict[str, Any]:
    """Start and stop the input, and return what came of each start; Ctrl-C ends it early, with what is known."""
    starts, loads = Starts(), list[dict[str, float]]()
    with running() as studio:
        _first_picture(studio)
        with busy(options.busy), suppress(KeyboardInterrupt):
            while starts.count < options.count:
                if starts.count % _SAMPLE_CYCLES == 0:
                    loads.append(studio.load())
                    print(f"{starts.count}: {len(starts.worn_s)} worn, {loads[-1]}", file=sys.stderr, flush=True)
                _start_once(studio, starts)
        loads.append(studio.load())
    return {
        "starts": starts.count, "worn": len(starts.worn_s), "said why": Counter(starts.said), "silent": starts.silent,
        "to worn, median s": _median(starts.worn_s), "slowest s": round(max(starts.worn_s, default=0.0), 2),
        "first": loads[0], "middle": loads[len(loads) // 2], "last": loads[-1],
    }  # fmt: skip


def _start_once(studio: RunningStudio, starts: Starts) -> None:
    """Start the input, note what comes of it, and stop it."""
    studio.choose({"kind": "file", "path": str(CLIP)})
    began = time.monotonic()
    if _within(SHOWN_WITHIN_S, lambda: bool(studio.metrics()["shown"] == "swapped")):
        starts.worn_s.append(time.monotonic() - began)
    elif reason := studio.reason():
        starts.said.append(reason)
    else:
        starts.silent.append(studio.seen())
    studio.choose({"kind": "none"})
    _until_none(studio)


def _first_picture(studio: RunningStudio) -> None:
    """Let everything be loaded once: memory is compared from there on."""
    studio.choose({"kind": "file", "path": str(CLIP)})
    while studio.metrics()["shown"] != "swapped":
        time.sleep(_POLL_S)
    studio.choose({"kind": "none"})
    _until_none(studio)


def _until_none(studio: RunningStudio) -> None:
    while studio.metrics()["shown"] == "swapped":
        time.sleep(_POLL_S)


def freeze(options: argparse.Namespace) -> dict[str, Any]:
    """Stop the process again and again, and return the seconds until a new picture with the face comes."""
    back_s = []
    with running() as studio:
        studio.choose({"kind": "file", "path": str(CLIP)})
        while studio.metrics()["shown"] != "swapped":
            time.sleep(_POLL_S)
        for number in range(1, options.count + 1):
            frames = studio.metrics()["shown_frames"].get("swapped", 0)
            os.kill(studio.process.pid, signal.SIGSTOP)
            time.sleep(options.seconds)
            os.kill(studio.process.pid, signal.SIGCONT)
            began = time.monotonic()
            while studio.metrics()["shown_frames"].get("swapped", 0) <= frames:
                time.sleep(_POLL_S)
            back_s.append(time.monotonic() - began)
            print(f"{number}: back after {back_s[-1]:.1f} s", file=sys.stderr, flush=True)
    late = sum(each > BACK_WITHIN_S for each in back_s)
    return {"stops": options.count, "late": late, "median s": _median(back_s), "slowest s": round(max(back_s), 2)}


def delay(options: argparse.Namespace) -> dict[str, Any]:
    """Hold the events back in the page, start the browser's camera, and return how many starts a late state undid."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    undone, never = 0, 0
    with running() as studio, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.add_init_script(_LATE_EVENTS % round(1000 * options.seconds))
        page.goto(studio.page)
        page.wait_for_selector("#main-settings label", timeout=1000 * _START_S)
        page.select_option("#input-kind", "browser")
        for _ in range(options.count):
            page.click("#input-apply")
            if _within(SHOWN_WITHIN_S, studio.sends):
                # All that was told before the start has come by then.
                page.wait_for_timeout(2000 * options.seconds)
                undone += not studio.sends()
            else:
                never += 1
            page.wait_for_selector("#input-apply[data-running=true]", timeout=1000 * _START_S)
            page.click("#input-apply")
            page.wait_for_selector("#input-apply[data-running=false]", timeout=1000 * _START_S)
        browser.close()
    return {"starts": options.count, "undone": undone, "not started within 10 s": never}


def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Wait until it has happened, and return whether it did in time."""
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > seconds:
            return False
        time.sleep(_POLL_S)
    return True


def _median(values: list[float]) -> float | None:
    return round(statistics.median(values), 2) if values else None


def main() -> None:
    """Read the command line, run one of the three, print JSON."""
    parser = argparse.ArgumentParser(description="Robustness of a running studio.")
    parser.add_argument("what", choices=("cycles", "freeze", "delay"))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--busy", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    print(json.dumps({"cycles": cycles, "freeze": freeze, "delay": delay}[options.what](options), indent=1))


if __name__ == "__main__":
    main()
