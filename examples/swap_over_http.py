"""Swap a file through the API of a running studio: a photo, a statement of consent and a file in, the labelled result out.

    .venv/bin/mien live --no-browser                  # in one terminal; prints the address
    .venv/bin/mien tokens add my-program              # in another; prints a token
    MIEN_TOKEN=mien_... python examples/swap_over_http.py photo.jpg film.mp4 result.mp4 --consent self

Needs httpx (`pip install httpx`). docs/api.md describes the API.
"""

import argparse
import os
import time
from pathlib import Path

import httpx

ADDRESS = "http://127.0.0.1:7421"
TIMEOUT_S = 600.0  # of one request; uploads of long films take minutes
POLL_PERIOD_S = 0.5


def swap(
    client: httpx.Client, photo: Path, target: Path, result: Path, consent: str, settings: str = "{}"
) -> dict[str, object]:
    """Swap `target` and write `result`; return the finished job. Raises `RuntimeError` with what the studio says."""
    with photo.open("rb") as file:
        face = _checked(client.post("/api/faces", files={"photo": (photo.name, file)}, data={"consent": consent}))["id"]
    with target.open("rb") as file:
        form = {"face": str(face), "settings": settings}
        job = _checked(client.post("/api/jobs", files={"file": (target.name, file)}, data=form))["id"]
    while True:
        found = _checked(client.get(f"/api/jobs/{job}"))
        if found["state"] in {"failed", "cancelled"}:
            raise RuntimeError(f"{found['message']}: {found['remedy']}")
        if found["state"] == "done":
            break
        time.sleep(POLL_PERIOD_S)
    with client.stream("GET", f"/api/jobs/{job}/result") as answer, result.open("wb") as out:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            out.write(chunk)
    client.delete(f"/api/jobs/{job}").raise_for_status()
    return found


def _checked(answer: httpx.Response) -> dict[str, object]:
    """Return the JSON of an answer. Raises `RuntimeError` with the error and its remedy."""
    found: dict[str, object] = answer.json()
    if answer.is_error:
        raise RuntimeError(f"{found['error']}: {found['remedy']}")
    return found


def main() -> None:
    """Read the command line and swap."""
    parser = argparse.ArgumentParser(description="Swap a file through a running studio.")
    parser.add_argument("photo", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--consent", required=True, choices=("self", "permission", "synthetic", "public-domain"))
    parser.add_argument("--settings", default="{}", help='settings for this job, such as {"badge_corner": "top-left"}')
    parser.add_argument("--address", default=ADDRESS)
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {os.environ['MIEN_TOKEN']}"}
    with httpx.Client(base_url=options.address, headers=headers, timeout=TIMEOUT_S) as client:
        job = swap(client, options.photo, options.target, options.result, options.consent, options.settings)
    print(f"{options.result}: {job['frames']} frames")


if __name__ == "__main__":
    main()
