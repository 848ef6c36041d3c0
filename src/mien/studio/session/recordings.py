"""Recordings from their first frame to their seal; an interrupted one is sealed at the next start."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mien.batch.export import label_note
from mien.errors import MienError, SealBroken
from mien.live.status import Status
from mien.media.files.temporary_files import discard_drafts
from mien.provenance.consent import Consent
from mien.provenance.credentials.claim import Claim, ConsentClaim
from mien.provenance.fingerprint import fingerprint
from mien.provenance.mark.windows import find_mark
from mien.provenance.seal import Notary, written_windows
from mien.settings import Settings

_KIND = "recording"
_NO_FACE = "none"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    """A recording while it is written: consents of the faces worn so far, and a fingerprint a second."""

    path: Path
    began_at: datetime
    consents: dict[str, Consent] = field(default_factory=dict)
    fingerprints: list[int] = field(default_factory=list)


SealStatus = Status[Literal["signing", "signed", "unsigned"]]
_SIGNING: SealStatus = Status("signing")


class Recordings:
    """Notes recordings in the ledger when they begin, and seals them, a thread each, when they end."""

    def __init__(
        self, notary: Notary, settings: Callable[[], Settings], mark_id: Callable[[], int], changed: Callable[[], None]
    ) -> None:
        self._notary = notary
        self._settings = settings
        self._mark_id = mark_id
        self._changed = changed
        self._lock = threading.Lock()
        self._worn: tuple[Consent, ...] = ()
        self._running: dict[Path, _Running] = {}
        self._statuses: dict[Path, SealStatus] = {}
        self._threads: list[threading.Thread] = []

    def wear(self, consents: tuple[Consent, ...]) -> None:
        """Note that the faces with these consents are worn from now on; running recordings show them, too."""
        with self._lock:
            self._worn = consents
            running = list(self._running.values()) if consents else []
            for each in running:
                self._add_consents(each)
        for each in running:
            self._note(each)

    def begin(self, path: Path) -> None:
        """Note a recording before its first frame. Raises `ProvenanceError`, or `UsageError` for a revoked consent."""
        for consent in self._worn:
            self._notary.consents.check(consent)
        made = _Running(path, datetime.now(UTC))
        with self._lock:
            self._add_consents(made)
        self._note(made)
        with self._lock:
            self._running[path] = made

    def see(self, hashed: int) -> None:
        """Add the fingerprint of a frame to all running recordings."""
        with self._lock:
            for each in self._running.values():
                each.fingerprints.append(hashed)

    def finish(self, path: Path) -> None:
        """Seal the closed recording, in a thread; forget one without a frame."""
        with self._lock:
            ended = self._running.pop(path, None)
        if ended is None:
            return
        self._seal_beside(path, self._claim(ended), ended.fingerprints)

    def status(self, path: Path) -> SealStatus | None:
        """Return how far the seal is; None while the recording is written."""
        return self._statuses.get(path)

    def recover(self) -> list[Path]:
        """Seal interrupted recordings, in threads, and return their paths."""
        interrupted = []
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
                self._statuses[path] = Status("unsigned", f"its entry in the ledger is damaged: {error}", "it stays as it is")
                self._notary.ledger.end_recording(path)
                interrupted.append(path)
                continue
            discard_drafts(path)
            self._seal_beside(path, claim, ())
            interrupted.append(path)
        return interrupted

    def close(self) -> None:
        """Seal what still runs and wait for every seal."""
        for path in list(self._running):
            self.finish(path)
        for thread in self._threads:
            thread.join()

    def _seal_beside(self, path: Path, claim: Claim, fingerprints: Iterable[int]) -> None:
        self._statuses[path] = _SIGNING
        thread = threading.Thread(target=self._seal, args=(path, claim, fingerprints), name="mien-seal")
        self._threads.append(thread)
        thread.start()

    def _seal(self, path: Path, claim: Claim, fingerprints: Iterable[int]) -> None:
        try:
            if path.is_file():
                # The mark of the input was preserved: the file itself says which numbers it carries.
                mark_ids, first = _carried(path)
                claim = replace(claim, mark_id=mark_ids[0]) if mark_ids else claim
                # A short or interrupted recording has no fingerprints of its time.
                noted = list(fingerprints) or [first]
                warnings = self._notary.seal(path, claim, _KIND, noted, None, mark_ids=mark_ids)
                self._statuses[path] = Status("signed", "; ".join(warnings))
            else:
                self._statuses[path] = Status("unsigned", "nothing was recorded", code="nothing-recorded")
            self._notary.ledger.end_recording(path)
        except SealBroken as error:
            # A retry would not help; it stays, unsigned but labelled, because it cannot be recorded again.
            self._statuses[path] = Status("unsigned", str(error), "record with a higher quality", error.code)
            self._notary.ledger.end_recording(path)
        except MienError as error:
            self._statuses[path] = Status("unsigned", str(error), error.remedy or "the next start retries", error.code)
        except Exception as error:  # noqa: BLE001 - thread border: the recording itself is complete and stays
            _log.warning("the recording %s could not be signed: %r", path.name, error)
            self._statuses[path] = Status("unsigned", str(error), "the next start retries")
        self._changed()

    def _add_consents(self, running: _Running) -> None:
        running.consents.update({consent.id: consent for consent in self._worn})

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
            consents=tuple(ConsentClaim(each.statement, each.given_at) for each in consents)
            or (ConsentClaim(_NO_FACE, running.began_at),),
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
    values = asdict(claim)
    # A recording shows worn faces; what was hidden is stated by files alone.
    del values["hidden"]
    return json.dumps(values, default=datetime.isoformat)


def _from_json(text: str) -> Claim:
    values = json.loads(text)
    # Recordings that were begun before there could be several consents name one.
    if "consent" in values:
        values["consents"] = [{"basis": values.pop("consent"), "recorded": values.pop("consent_at")}]
    consents = tuple(ConsentClaim(_text(each["basis"]), _time(each["recorded"])) for each in values.pop("consents"))
    made_at = _time(values.pop("made_at"))
    kinds = {name: int if name == "mark_id" else str for name in values}
    if not all(type(value) is kinds[name] for name, value in values.items()):
        raise TypeError("a value has another type than was written")
    return Claim(**values, consents=consents, made_at=made_at)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a value has another type than was written")
    return value


def _time(value: object) -> datetime:
    return datetime.fromisoformat(_text(value)).astimezone(UTC)
