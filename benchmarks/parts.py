"""Films made in parts: killed and gone on with, by two processes, by Ray. A command, never a test; needs MIEN_MEDIA and ffmpeg.

    .venv/bin/python benchmarks/parts.py kill --kills 5      # SIGKILL at random moments; the same parts as without
    .venv/bin/python benchmarks/parts.py where local:2       # against one process, in turn
    .venv/bin/python benchmarks/parts.py where ray:2 --kill  # and one of its workers killed in the middle

The film has a scene cut every ten seconds: real clips, one after the other, at 1280 x 720.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from mien.assembly.film_job import open_job

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "examples" / "eileen_collins.png"
CLIPS = ("synthetic_woman.mp4", "webcam_man_hand.mp4")
SHOT_S = 10
WHOLE_S = 120  # of film that is encoded; a longer one repeats it, because each shot is a further open file
LOOK_PERIOD_S = 0.2
MOST_INTO_PART_S = 12.0  # a part of ten seconds takes that on one busy core


def film(path: Path, seconds: int, rate: int) -> Path:
    """Write the film."""
    clips = Path(os.environ["MIEN_MEDIA"]) / "clips"
    if seconds > WHOLE_S:
        short = film(path.with_name(f"short-{path.name}"), WHOLE_S, rate)
        looped = [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-stream_loop",
            "-1",
            "-i",
            str(short),
            "-c",
            "copy",
            "-t",
            str(seconds),
            str(path),
        ]
        subprocess.run(looped, check=True)
        return path
    shots = max(1, seconds // SHOT_S)
    given, chains = list[str](), list[str]()
    for number in range(shots):
        given += ["-ss", str(number // 2 % 2), "-stream_loop", "-1", "-i", str(clips / CLIPS[number % 2])]
        fitted = "scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:-1:-1,setsar=1"
        chains.append(f"[{number}:v]fps={rate},trim=duration={SHOT_S},setpts=PTS-STARTPTS,{fitted},format=yuv420p[v{number}]")
    joined = "".join(f"[v{number}]" for number in range(shots)) + f"concat=n={shots}:v=1[v]"
    ffmpeg = ["ffmpeg", "-v", "error", "-y", *given, "-filter_complex", ";".join([*chains, joined]), "-map", "[v]"]
    subprocess.run([*ffmpeg, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", str(path)], check=True)
    return path


def mien(*words: object) -> list[str]:
    """Return the command."""
    return [sys.executable, "-P", "-m", "mien", *map(str, words)]


def digests(folder: Path) -> list[str]:
    """Return the SHA-256 of the packets of all parts; every part has to be there."""
    job = open_job(folder)
    assert not job.missing()
    found = []
    for number in range(1, len(job.plan.parts) + 1):
        record = job.record(number)
        assert record is not None
        with job.folder.packets(number, record) as packets:
            found.append(hashlib.sha256(packets.read_bytes()).hexdigest())
    return found


def timed(command: list[str]) -> float:
    """Run a command and return its seconds."""
    began = time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def kill(folder: Path, parts: int, kills: int, rng: random.Random) -> None:
    """Make the parts in a process that is killed again and again, and print in which part that was."""
    for stop in sorted(rng.sample(range(1, parts - 1), min(kills, parts - 2))):
        with subprocess.Popen(mien("part", folder, f"1-{parts}", "--quiet"), stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and len(list(folder.glob("part-*.json"))) < stop:
                time.sleep(LOOK_PERIOD_S)
            try:
                process.wait(rng.uniform(0.1, MOST_INTO_PART_S))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                print(f"killed in part {len(list(folder.glob('part-*.json'))) + 1}: it alone is begun again", flush=True)
    subprocess.run(mien("part", folder, f"1-{parts}", "--quiet"), check=True)


def kill_a_worker(begun: threading.Event) -> None:
    """Kill the busiest Ray worker some seconds after the work began."""
    begun.wait()
    while True:
        time.sleep(1)
        found = [each for each in psutil.process_iter(["cmdline"]) if "ray::_Maker" in " ".join(each.info["cmdline"] or [])]
        if found and found[0].cpu_times().user > 12:
            found[0].kill()
            print("one worker killed")
            return


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kill", "where"))
    parser.add_argument("on", nargs="?", default="local:2")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=30, help="frames a second of the film")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        os.environ["MIEN_DATA"] = str(work / "data")
        target = film(work / "film.mp4", options.seconds, options.rate)
        plan_s = timed(mien("plan", PHOTO, target, "-o", work / "alone", "--consent", "public-domain"))
        job = open_job(work / "alone")
        parts, frames = len(job.plan.parts), job.plan.frames
        print(
            f"{frames} frames in {parts} parts, {sum(part.fresh for part in job.plan.parts)} of them fresh; plan {plan_s:.1f} s"
        )
        shutil.copytree(work / "alone", work / "other")
        alone_s = timed(mien("part", work / "alone", f"1-{parts}", "--quiet"))
        print(f"one process: {alone_s:.1f} s, {frames / alone_s:.1f} frames a second")
        if options.what == "kill":
            kill(work / "other", parts, options.kills, random.Random(options.seed))
        else:
            begun = threading.Event()
            if options.kill:
                threading.Thread(target=kill_a_worker, args=[begun], daemon=True).start()
            begun.set()
            other_s = timed(mien("jobs", "run", work / "other", "--on", options.on, "--quiet"))
            print(f"{options.on}: {other_s:.1f} s, {alone_s / other_s:.2f} of the speed of one process")
        print("the same parts" if digests(work / "alone") == digests(work / "other") else "OTHER PARTS")


if __name__ == "__main__":
    main()
