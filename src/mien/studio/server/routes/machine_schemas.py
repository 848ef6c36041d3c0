"""Answers about the machine and its records: devices, verification, tokens, consents, models."""

from typing import Any

from mien.studio.server.routes.schemas import Answer


class CameraMode(Answer):
    """A size that a camera offers, with its frame rates."""

    width: int
    height: int
    rates: list[float]
    pixel_format: str


class Device(Answer):
    """A device; its `id` chooses it."""

    id: str
    name: str


class CameraDevice(Device):
    """A camera and its modes."""

    modes: list[CameraMode]


class ScreenDevice(Device):
    """A screen and its size in pixels; None where the system does not tell it."""

    width: int | None
    height: int | None


class Devices(Answer):
    """Cameras, microphones, screens and virtual cameras of this machine."""

    cameras: list[CameraDevice]
    microphones: list[Device]
    screens: list[ScreenDevice]
    virtual_cameras: list[Device]


class Finding(Answer):
    """Finding about one of the three traces."""

    state: str
    words: str
    details: dict[str, Any]


class Report(Answer):
    """Report of a verification: signed credentials, invisible mark, fingerprint."""

    file: str
    credentials: Finding
    mark: Finding
    fingerprint: Finding


class TokenRow(Answer):
    """A lasting token, without its secret; `scope` is control or view."""

    id: str
    name: str
    scope: str
    made_at: str


class TokenMade(TokenRow):
    """A new token. `token` is shown here once and kept nowhere; `address` opens the picture alone, for `view`."""

    token: str
    address: str | None


class ModelRow(Answer):
    """A model of the catalogue or a trusted file. `state` is embedded, installed, not installed or damaged; `way` leads there.

    `missing` are partners that it needs and that are not installed.
    """

    id: str
    role: str
    family: str
    file: str
    bundled: bool
    standin: bool
    bytes: int
    sha256: str
    licence: str
    terms: str
    credit: str
    origin: str
    urls: list[str]
    feed: str
    state: str
    note: str
    way: str
    missing: list[str]


class Pulling(Answer):
    """A download: `doing` is pulling, checking, done, failed or stopped; bytes `done` of `total`."""

    id: str
    doing: str
    done: int
    total: int | None
    message: str
    remedy: str
    code: str


class ModelList(Answer):
    """All models, and the newest download; `changes`: this studio may install and remove some."""

    models: list[ModelRow]
    pulling: Pulling | None
    changes: bool


class Imported(Answer):
    """Names of the models that were taken in."""

    ids: list[str]
