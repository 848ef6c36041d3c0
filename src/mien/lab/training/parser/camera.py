"""Faults of camera and codec: exposure, colour, motion, distance, noise, compression."""

import math

import cv2
import numpy as np

from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS
from mien.types import Array

_MIN_CROP_SIDE = 30  # pixels of the crop in the camera's picture: the face is 25 pixels high


def photograph(canvas: Canvas, draw: np.random.Generator) -> None:
    """Photograph the canvas with a random camera; of its faults, only motion changes the truth."""
    if draw.random() < 0.5:
        canvas.image *= np.float32(math.exp(draw.normal(0, 0.25)))
    if draw.random() < 0.4:
        canvas.image *= np.exp(draw.normal(0, 0.06, 3)).astype(np.float32)
    if draw.random() < 0.4:
        power = np.float32(math.exp(draw.normal(0, 0.3)))
        canvas.image[:] = 255 * (np.clip(canvas.image, 0, 255) / 255) ** power
    if draw.random() < 0.15:
        grey = canvas.image.mean(axis=2, keepdims=True)
        canvas.image += (grey - canvas.image) * np.float32(draw.uniform(0.2, 1.0))
    if draw.random() < 0.15:
        _move(canvas, draw)
    sharpness = draw.random()
    if sharpness < 0.45:
        side = int(draw.integers(_MIN_CROP_SIDE, 110))
        far = cv2.resize(np.clip(canvas.image, 0, 255), (side, side), interpolation=cv2.INTER_AREA)
        canvas.image[:] = cv2.resize(_noisy(far, draw), (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    elif sharpness < 0.6:
        canvas.image[:] = cv2.GaussianBlur(canvas.image, (0, 0), draw.uniform(0.4, 1.5))
    canvas.image[:] = _noisy(np.clip(canvas.image, 0, 255), draw)
    if draw.random() < 0.5:
        quality = int(draw.integers(25, 92))
        stored = cv2.imencode(".jpg", np.clip(canvas.image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        canvas.image[:] = cv2.imdecode(stored, cv2.IMREAD_COLOR)


def _noisy(picture: Array, draw: np.random.Generator) -> Array:
    """Add sensor noise to half of the pictures."""
    if draw.random() < 0.5:
        return picture
    noise = draw.standard_normal(picture.shape).astype(np.float32) * np.float32(draw.uniform(0, 7))
    return np.asarray(picture + noise, np.float32)


def _move(canvas: Canvas, draw: np.random.Generator) -> None:
    """Blur picture and truth along a line."""
    length, turn = int(draw.integers(3, 9)), draw.uniform(0, math.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2
    x, y = reach * math.cos(turn), reach * math.sin(turn)
    ends = [(round(reach - x), round(reach - y)), (round(reach + x), round(reach + y))]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    kernel /= max(float(kernel.sum()), 1.0)
    canvas.image[:] = cv2.filter2D(canvas.image, -1, kernel)
    # The truth has three quarters of the canvas's size.
    side = max(1, round(length * 0.75))
    shrunk = np.asarray(cv2.resize(kernel, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    shrunk /= max(float(shrunk.sum()), 1e-6)
    for number in range(canvas.truth.shape[2]):
        canvas.truth[:, :, number] = cv2.filter2D(np.ascontiguousarray(canvas.truth[:, :, number]), -1, shrunk)
    # A pixel that light from an unknown one has reached is unknown, too.
    path = (shrunk > 0).astype(np.uint8)
    canvas.known[:] = cv2.erode(canvas.known, path, borderType=cv2.BORDER_REPLICATE)
    canvas.judged[:] = cv2.erode(canvas.judged, path, borderType=cv2.BORDER_REPLICATE)
