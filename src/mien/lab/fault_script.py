"""The camera of the fault run: a swaying wearer to whom everything happens, one event after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mien.errors import SourceLost
from mien.types import Image

EVENTS = ("sway", "leave", "sway", "hand", "sway", "dark", "sway", "aside", "sway", "unplug", "sway", "engine", "sway", "cut")
RATE_HZ = 30.0  # of the camera


@dataclass(slots=True)
class Script:
    """Pictures of the camera by exposure; loops through `events`, each `event_s` long.

    `scenes` are pictures of the swaying wearer, BGR uint8, `boxes` their faces, xyxy.
    """

    scenes: Sequence[Image]
    boxes: Sequence[tuple[float, float, float, float]]
    events: Sequence[str]
    event_s: float

    def event(self, time_s: float) -> tuple[str, float]:
        """Return the running event and its share done, 0..1."""
        number, share = divmod(time_s / self.event_s, 1.0)
        return self.events[int(number) % len(self.events)], share

    def picture(self, exposure: int) -> Image:
        """Return exposure number `exposure`, BGR uint8; raises `SourceLost` while the camera is unplugged."""
        image = self.scenes[exposure % len(self.scenes)]
        x1, y1, x2, y2 = self.boxes[exposure % len(self.boxes)]
        name, share = self.event(exposure / RATE_HZ)
        swing = float(np.sin(np.pi * share))
        if name == "leave":
            return _shifted(
                image, round(1.6 * image.shape[1] * swing * (1 if int(exposure / RATE_HZ / self.event_s) % 2 else -1))
            )
        if name == "dark":
            return np.asarray(image * np.float32(1 - swing) ** 2, np.uint8)
        if name == "aside":
            return _turned(image, (x1 + x2) / 2, 1 - 0.75 * swing)
        if name == "hand":
            image = image.copy()
            height = y2 - y1
            middle = round((x1 + x2) / 2), round(y2 + height - swing * 1.6 * height)
            cv2.ellipse(image, middle, (round(0.6 * height), round(0.75 * height)), 10, 0, 360, (118, 150, 198), -1)
            return image
        if name == "unplug" and 0.3 < share < 0.5:
            raise SourceLost("the camera was unplugged", "it is plugged in again soon")
        if name == "cut" and 0.4 < share < 0.6:
            return np.ascontiguousarray(cv2.resize(image[200:520, 400:880], (image.shape[1], image.shape[0]))[:, ::-1])
        return image.copy()


def _shifted(image: Image, pixels: int) -> Image:
    return np.asarray(_warped(image, np.array([[1.0, 0, pixels], [0, 1, 0]])), np.uint8)


def _turned(image: Image, x: float, width: float) -> Image:
    """Return the picture squeezed sideways around x, as a turn of the head squeezes a portrait."""
    return _warped(image, np.array([[width, 0, x * (1 - width)], [0, 1.0, 0]]))


def _warped(image: Image, to_picture: Any) -> Image:
    size_wh = image.shape[1], image.shape[0]
    return np.asarray(
        cv2.warpAffine(image, to_picture, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )  # fmt: skip
