"""Sockets and pictures of a running studio, for its tests."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import av
import cv2
import numpy as np
from websockets.sync.client import ClientConnection, connect

from mien.types import Image
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio


@contextmanager
def open_socket(studio: Studio, path: str) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {studio.access.token}"}
    url = f"{studio.socket}{path}"
    with connect(url, additional_headers=headers, compression=None, proxy=None, max_size=None) as opened:
        yield opened


def check_when(studio: Studio, happened: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until it has happened to the check of a call, and return the state of that."""
    deadline_s, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while True:
        state: dict[str, Any] = studio.client.get("/api/check").json()
        if happened(state):
            return state
        assert time.monotonic() < deadline_s, state
        pause.wait(0.05)


def next_bytes(socket: ClientConnection) -> bytes:
    message = socket.recv(timeout=DEADLINE_S)
    assert isinstance(message, bytes)
    return message


def drain(socket: ClientConnection) -> None:
    """Read what is still on its way, until the server closes; raises `ConnectionClosed`."""
    for _ in range(10):
        socket.recv(timeout=DEADLINE_S)


def decoded(data: bytes) -> Image:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def count_frames(data: bytes) -> tuple[int, dict[str, str]]:
    """Decodable pictures of a video, and its metadata."""
    with av.open(io.BytesIO(data), "r") as container:
        return sum(1 for _ in container.decode(video=0)), dict(container.metadata)


def answer_of(socket: ClientConnection, name: str) -> Any:
    """Return the value of this name from the next message that has it."""
    for _ in range(50):
        message = json.loads(socket.recv(timeout=DEADLINE_S))
        if name in message:
            return message[name]
    raise AssertionError(f"no {name}")
