"""Recordings from their first frame to their seal; one that was cut off is sealed at the next start."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mien.batch.export import label_note
from mien.errors import MienError, SealBroken
from mien.media.files.temporary_files import discard_drafts
from mien.provenance.consent import Consent
from mien.provenance.credentials.claim import Claim
from mien.provenance.fingerprint import fingerprint
from mien.provenance.mark.windows import find_mark
from mien.provenance.seal import Notary, written_windows
from mien.settings import Settings

_KIND = "recording"
_NO_FACE = "none"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    """What is known of a recording while it is written."""

    path: Path
    began_at: datetime
    consents: dict[str, Consent] = field(default_factory=dict)
    fingerprints: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SealState:
    """signing, signed or unsigned, with why."""

    state: str
    message: str = ""
    remedy: str = ""


class Recordings:
    """Notes recordings in the ledger when they begin and seals them, each in a thread of its own, when they end."""

    def __init__(
        self, notary: Notary, settings: Callable[[], Settings], mark_id: Callable[[], int], changed: Callable[[], None]
    ) -> None:
        self._notary = notary
        self._settings = settings
        self._mark_id = mark_id
        self._changed = changed
        self._lock = threading.Lock()
        self._worn: Consent | None = None
        self._running: dict[Path, _Running] = {}
        self._states: dict[Path, SealState] = {}
        self._threads: list[threading.Thread] = []

    def wear(self, consent: Consent | None) -> None:
        """From now on the face with this consent is worn; running recordings show it, too."""
        with self._lock:
            self._worn = consent
            running = list(self._running.values()) if consent is not None else []
            for each in running:
                self._add_consent(each)
        for each in running:
            self._note(each)

    def begin(self, path: Path) -> None:
        """A recording is about to be written. Raises `ProvenanceError`, or `UsageError` when the consent was revoked."""
        if self._worn is not None:
            self._notary.consents.check(self._worn)
        made = _Running(path, datetime.now(UTC))
        with self._lock:
            self._add_consent(made)
        self._note(made)
        with self._lock:
            self._running[path] = made

    def see(self, hashed: int) -> None:
        """The fingerprint of a frame that goes into all running recordings."""
        with self._lock:
            for each in self._running.values():
                each.fingerprints.append(hashed)

    def finish(self, path: Path) -> None:
        """The recording is closed: sign it, in a thread. One without a frame is forgotten."""
        with self._lock:
            ended = self._running.pop(path, None)
        if ended is None:
            return
        self._seal_beside(path, self._claim(ended), ended.fingerprints)

    def state(self, path: Path) -> SealState | None:
        """None while it is written."""
        return self._states.get(path)

    def recover(self) -> list[Path]:
        """Seal what was cut off, in threads; the paths."""
        cut_off = []
        for path, text in self._notary.ledger.cut_off():
            if not self._notary.ledger.adopt(path):
                # Another studio that has just started signs it.
                continue
            if not path.is_file():
                # A folder that is missing, too, may be on a disk that comes back.
                if path.parent.is_dir():
                    self._notary.ledger.end_recording(path)
                continue
            try:
                claim = _from_json(text)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
                self._states[path] = SealState("unsigned", f"what was noted of it is damaged: {error}", "it stays as it is")
                self._notary.ledger.end_recording(path)
                cut_off.append(path)
                continue
            discard_drafts(path)
            self._seal_beside(path, claim, ())
            cut_off.append(path)
        return cut_off

    def close(self) -> None:
        """Seal what still runs and wait for every seal."""
        for path in list(self._running):
            self.finish(path)
        for thread in self._threads:
            thread.join()

    def _seal_beside(self, path: Path, claim: Claim, fingerprints: Iterable[int]) -> None:
        self._states[path] = SealState("signing")
        thread = threading.Thread(target=self._seal, args=(path, claim, fingerprints), name="mien-seal")
        self._threads.append(thread)
        thread.start()

    def _seal(self, path: Path, claim: Claim, fingerprints: Iterable[int]) -> None:
        try:
            if path.is_file():
                # A mark that came with the input was kept: the file knows best which ones it carries.
                mark_ids, first = _carried(path)
                claim = replace(claim, mark_id=mark_ids[0]) if mark_ids else claim
                # One that was short, or cut off, has none of its time.
                noted = list(fingerprints) or [first]
                warnings = self._notary.seal(path, claim, _KIND, noted, None, mark_ids=mark_ids)
                self._states[path] = SealState("signed", "; ".join(warnings))
            else:
                self._states[path] = SealState("unsigned", "nothing was recorded")
            self._notary.ledger.end_recording(path)
        except SealBroken as error:
            # Trying again would not help; unsigned and still labelled it stays, because it cannot be recorded again.
            self._states[path] = SealState("unsigned", str(error), "record with a higher quality")
            self._notary.ledger.end_recording(path)
        except MienError as error:
            self._states[path] = SealState("unsigned", str(error), error.remedy or "the next start tries again")
        except Exception as error:  # noqa: BLE001 - thread border: the recording itself is whole and stays
            _log.warning("the recording %s could not be signed: %r", path.name, error)
            self._states[path] = SealState("unsigned", str(error), "the next start tries again")
        self._changed()

    def _add_consent(self, running: _Running) -> None:
        if self._worn is not None:
            running.consents[self._worn.id] = self._worn

    def _note(self, running: _Running) -> None:
        self._notary.ledger.begin_recording(running.path, _to_json(self._claim(running)))

    def _claim(self, running: _Running) -> Claim:
        settings, consents = self._settings(), list(running.consents.values())
        return Claim(
            title=running.path.name,
            engine=settings.engine,
            mark_id=self._mark_id(),
            label="shown",
            label_note=label_note(replace(settings, badge="shown")),
            consent=", ".join(sorted({each.statement for each in consents})) or _NO_FACE,
            consent_at=max((each.given_at for each in consents), default=running.began_at),
            made_at=running.began_at,
        )


def _carried(path: Path) -> tuple[list[int], int]:
    """Return the ids of the marks that a recording carries, in order, and the fingerprint of its first frame."""
    mark_ids: list[int] = []
    first: int | None = None
    for window in written_windows(path):
        first = fingerprint(window[0]) if first is None else first
        found = find_mark(window)
        if found is not None and found.mark_id is not None and found.mark_id not in mark_ids:
            mark_ids.append(found.mark_id)
    assert first is not None
    return mark_ids, first


def _to_json(claim: Claim) -> str:
    values: dict[str, Any] = {name: getattr(claim, name) for name in Claim.__dataclass_fields__}
    return json.dumps({name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()})


def _from_json(text: str) -> Claim:
    values = json.loads(text)
    times = {name: datetime.fromisoformat(values[name]).astimezone(UTC) for name in ("consent_at", "made_at")}
    kinds = {name: int if name == "mark_id" else str for name in values}
    if not all(type(value) is kinds[name] for name, value in values.items()):
        raise TypeError("a value has another type than was written")
    return Claim(**{**values, **times})
