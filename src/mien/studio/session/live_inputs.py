"""Inputs of the live picture: the chosen source of frames, uploaded clips, the microphone."""

import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from mien.errors import UsageError
from mien.live.loop import LiveLoop
from mien.media.capture.devices import list_microphones
from mien.media.capture.microphone import Microphone
from mien.settings import Settings
from mien.studio.session.browser_camera import BrowserFeed
from mien.studio.session.inputs import InputChoice, choose_input
from mien.studio.session.requests import InputRequest, NoInput
from mien.system.allocator import give_back

_MAX_CLIPS = 8  # uploads of up to 8 GB each; the oldest unused one is deleted


class LiveInputs:
    """Exchanges the input and the microphone of a loop. Safe to use from several threads.

    In a `shared` studio only the command line may name files of this machine.
    """

    def __init__(self, loop: LiveLoop, feed: BrowserFeed, settings: Callable[[], Settings], *, shared: bool) -> None:
        self._loop = loop
        self._feed = feed
        self._settings = settings
        self._shared = shared
        self._lock = threading.Lock()
        self._devices = threading.Lock()
        """Held while a device is exchanged, which may take seconds; the choice can be read meanwhile."""
        self._clips: dict[str, tuple[Path, str]] = {}
        self.choice = InputChoice("none", {}, None)
        self.request: InputRequest = NoInput()
        """Request behind the choice, with its secrets."""
        self.microphone: str | None = None

    def set_input(self, wanted: InputRequest, *, trusted: bool = False) -> None:
        """Choose the source of frames; `trusted` if asked for on the command line. Raises `UsageError`."""
        paths_allowed = trusted or not self._shared
        choice = choose_input(wanted, self._settings(), self._feed, self._clip, paths_allowed=paths_allowed)
        with self._lock:
            self.choice, self.request = choice, wanted
        with self._devices:
            # A choice that was overtaken while it waited is dropped.
            if self.choice is choice:
                self._loop.set_input(choice.make)
                give_back()

    def set_microphone(self, device: str | None) -> None:
        """Choose the microphone that recordings and streams carry, None for no sound. Raises `UsageError`."""
        if device is not None and device not in {each.id for each in list_microphones()}:
            raise UsageError(f"there is no microphone {device!r}", "choose one of the list", key="microphone-gone")
        with self._devices:
            self.microphone = device
            self._loop.set_sound(None if device is None else lambda: Microphone(device))

    def add_clip(self, file: Path, name: str) -> str:
        """Take in a file of this session to be looped as input, and return its id."""
        clip_id = secrets.token_hex(6)
        with self._lock:
            in_use = self.choice.spec.get("clip")
            unused = [each for each in self._clips if each != in_use]
            if len(self._clips) >= _MAX_CLIPS and unused:
                self._clips.pop(unused[0])[0].unlink(missing_ok=True)
            self._clips[clip_id] = file, name
        return clip_id

    def _clip(self, clip_id: str) -> tuple[Path, str]:
        if clip_id not in self._clips:
            raise UsageError("this file is not in the session any more", "upload it again", key="clip-gone")
        return self._clips[clip_id]
