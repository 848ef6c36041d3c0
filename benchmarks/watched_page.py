"""One page in headless Chromium, driven by little more than JavaScript.

Playwright listens to the network: Chromium then copies each picture of a WebSocket to it as base64, which costs more than the
picture itself.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

CHROMIUM = "/usr/bin/chromium"
_START_S = 30.0
_POLL_S = 0.1
_FLAGS = ("--headless", "--remote-debugging-port=0", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
          "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
          "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
          "--disable-background-timer-throttling")  # fmt: skip


class WatchedPage:
    """A page that answers JavaScript."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._calls = 0

    def goto(self, address: str) -> None:
        """Open an address."""
        self._call("Page.navigate", url=address)

    def evaluate(self, expression: str, argument: object = None, timeout_s: float = 60.0) -> Any:
        """Call a function with one argument, and return its JSON; a promise is awaited."""
        called = f"({expression})({json.dumps(argument)})"
        answer = self._call(
            "Runtime.evaluate", timeout_s, expression=called, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_for(self, condition: str, timeout_s: float = 60.0) -> None:
        """Wait until a function of the page returns something true."""
        deadline_s = time.monotonic() + timeout_s
        # An expression that fails while the page is loaded counts as false.
        while not self.evaluate(f"() => {{ try {{ return Boolean(({condition})()); }} catch {{ return false; }} }}"):
            if time.monotonic() > deadline_s:
                raise TimeoutError(condition)
            time.sleep(_POLL_S)

    def resize(self, width: int, height: int) -> None:
        """Give the page this many pixels."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _call(self, method: str, timeout_s: float = 60.0, **params: object) -> dict[str, Any]:
        self._calls += 1
        self._connection.send(json.dumps({"id": self._calls, "method": method, "params": params}))
        while True:
            answer = json.loads(self._connection.recv(timeout=timeout_s))
            if answer.get("id") != self._calls:
                continue
            if "error" in answer:
                raise RuntimeError(str(answer["error"]))
            result: dict[str, Any] = answer["result"]
            return result


@contextmanager
def watched_page(camera: Path, width: int, height: int) -> Iterator[WatchedPage]:
    """Start Chromium with an empty page and this MJPEG file as its camera."""
    with tempfile.TemporaryDirectory(prefix="mien-chromium-", ignore_cleanup_errors=True) as folder:
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", f"--use-file-for-fake-video-capture={camera}", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port = _port(Path(folder) / "DevToolsActivePort")
                with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                    targets = json.load(answer)
                address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
                with connect(address, max_size=None, ping_interval=None) as connection:
                    page = WatchedPage(connection)
                    page.resize(width, height)
                    yield page
            finally:
                process.terminate()
                process.wait(20)


def _port(file: Path) -> int:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s:
        if file.is_file() and (lines := file.read_text().split()):
            return int(lines[0])
        time.sleep(_POLL_S)
    raise TimeoutError("Chromium did not start")
