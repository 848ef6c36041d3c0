"""Signed credentials: a C2PA manifest in the file, or as a receipt beside files that cannot hold one.

Signing goes through a callback, so that the private key never enters the C library. Nothing here uses the network, except
for a time stamp when an authority is named: what a file says of manifests elsewhere is never fetched.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from cryptography import x509

from mien.errors import CertificateUnusable, MienError, OutputError, SigningFailed, UnreadableMedia
from mien.media.files.receipt import receipt_path
from mien.media.files.temporary_files import temporary_path
from mien.provenance import claim as claims
from mien.provenance.c2pa_library import load_own_library
from mien.provenance.claim import Claim
from mien.provenance.signing.identity import PURPOSES, Identity

load_own_library()

from c2pa import Builder, C2paError, C2paSigningAlg, Context, Reader, Settings, Signer

State: TypeAlias = Literal["trusted", "unknown-signer", "expired", "changed", "damaged", "none"]
"""Unchanged and signed by one of the anchors; by somebody else; with a certificate that was out of date or withdrawn;
changed after signing, or a receipt of another file; not readable as credentials; no credentials."""

_PARENT_RESOURCE = "parent.c2pa"
_PLAIN = "application/octet-stream"
"""Files of which the manifest knows no structure: the hash runs over all bytes."""
_EMBEDDING = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".apng": "image/png", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff",
    ".gif": "image/gif", ".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime",
}  # fmt: skip
_BRANDS = {b"qt  ": "video/quicktime", b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif"}
_MOST_RECEIPT_BYTES = 64 << 20
_MOST_MANIFEST_MB = 64
_SPILL_MB = 32
"""The library keeps larger intermediate results on the disk."""
_LARGE_BYTES = 256 << 20
"""Larger videos are hashed in blocks, because one hash over all of it makes the library hold 512 MB; not those in fragments."""
_BLOCK_KB = 1024
_READ_BYTES = 1 << 20
_MOST_TEXT = 200

_UNKNOWN_SIGNER = {"signingCredential.untrusted", "signingCredential.invalid"}
_OUT_OF_DATE = {"signingCredential.expired", "signingCredential.revoked", "claimSignature.outsideValidity"}
_CHANGED = {
    "assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch",
    "assertion.collectionHash.mismatch", "assertion.hashedURI.mismatch", "claimSignature.mismatch",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signed:
    """`manifest_sha256` is hexadecimal; `sidecar` is the receipt when the file cannot hold its credentials."""

    manifest_sha256: str
    sidecar: Path | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IngredientFound:
    """A file that went into another. `state` is what the signer found when it was taken in, not what holds now."""

    title: str
    relationship: str
    state: State


@dataclass(frozen=True, slots=True)
class CredentialsFound:
    """What a file's credentials say, as found: only as good as `state`.

    `where` is "embedded", "sidecar" or None. `signed_at` comes from a time stamp; without one it is None, and `made_at`
    is no more than what the signer says. Texts are shortened and hold no control characters. `problems` are C2PA's codes.
    """

    state: State
    where: Literal["embedded", "sidecar"] | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    generator: str | None = None
    title: str | None = None
    engine: str | None = None
    mark_id: int | None = None
    label: str | None = None
    label_note: str | None = None
    consent: str | None = None
    consent_at: datetime | None = None
    made_at: datetime | None = None
    actions: tuple[str, ...] = ()
    digital_source_types: tuple[str, ...] = ()
    ingredients: tuple[IngredientFound, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One sentence for people."""
        signer = f"who goes by “{self.signer}”" if self.signer else "who gives no name"
        match self.state:
            case "trusted":
                return f"Signed by {self.signer}, a signer whom this machine knows, and unchanged since."
            case "unknown-signer":
                return f"Signed by a signer whom this machine does not know, {signer}, and unchanged since."
            case "expired":
                return f"Signed by one {signer} with a certificate that is out of date or withdrawn; unchanged since."
            case "changed" if self.where == "sidecar":
                return "The receipt beside the file does not belong to it, or the file was changed after signing."
            case "changed":
                return "Changed after signing."
            case "damaged":
                return "The credentials, or the file around them, are damaged and say nothing."
            case "none":
                if INACCESSIBLE in self.problems:
                    return "No credentials in the file; it names a place on the network where some may be, not looked up."
                return "No credentials. That says nothing about the file."


INACCESSIBLE = "manifest.inaccessible"
"""The file names a manifest on the network, which was not fetched."""


def can_embed(path: Path) -> bool:
    """Whether files of this name hold their credentials themselves."""
    return path.suffix.lower() in _EMBEDDING


def sign_file(
    path: Path, claim: Claim, identity: Identity, *, parent: Path | None, timestamp_url: str | None = None,
    parent_title: str | None = None,
) -> Signed:  # fmt: skip
    """Sign `path` where it lies, or put a receipt beside it when its format holds no credentials.

    `parent` is the file that was changed to make this one, known to people as `parent_title` (default: its name): its own
    credentials are kept with it. Without a parent, those that `path` has already are kept. A file appears whole or not at
    all. It is not read back: `read_credentials` does that. `timestamp_url` names an RFC 3161 authority.
    Raises `SigningFailed`, what `identity.sign` raises, or `OutputError`.
    """
    mime = _EMBEDDING.get(path.suffix.lower())
    target = path if mime else receipt_path(path)
    warnings = list(identity.warnings)
    failures: list[BaseException] = []
    try:
        if parent is None and read_credentials(path).state != "none":
            parent = path
        large = path.stat().st_size > _LARGE_BYTES and not _is_fragmented(path)
        with (
            _explained(claim, failures, timestamp_url),
            _signer(identity, failures, timestamp_url) as signer,
            Context(Settings.from_dict(_settings((), timestamp_url=timestamp_url, large=large)), signer) as context,
            Builder(_definition(claim, mime or _PLAIN, opened=parent is not None), context) as builder,
        ):
            if parent is not None:
                warnings += _add_parent(builder, parent, parent_title or parent.name)
            with _replacing(target) as temporary, _InPieces(path, "rb") as source:
                if mime:
                    shutil.copymode(path, temporary)
                    with _InPieces(temporary, "r+b", failures=failures) as signed:
                        manifest = builder.sign(mime, source, signed)
                        os.fsync(signed.fileno())
                else:
                    builder.set_no_embed()
                    manifest = builder.sign(_PLAIN, source, _Discard())
                    temporary.write_bytes(manifest)
    except OSError as error:
        raise OutputError(
            f"the credentials of {claim.title} cannot be written: {error.strerror or error}",
            "free some space, or choose a folder that you may write to",
        ) from error
    return Signed(hashlib.sha256(manifest).hexdigest(), None if mime else target, tuple(warnings))


def read_credentials(path: Path, *, anchors: Sequence[bytes] = ()) -> CredentialsFound:
    """What the credentials of a file say: those in the file, else those of the receipt beside it.

    `anchors` are the roots that the reader trusts, PEM. The file may be anything; its name does not matter. Raises
    `UnreadableMedia` when it cannot be opened, `CertificateUnusable` for an anchor that is no certificate.
    """
    return _found(_look(path, anchors))


# Reading.


@dataclass(frozen=True, slots=True)
class _Store:
    """A manifest store as the library reports it; `report` None = there is none, or `problem` says why it is unreadable."""

    where: Literal["embedded", "sidecar"] | None
    mime: str
    report: dict[str, Any] | None = None
    problem: str | None = None
    receipt: bytes | None = None


def _look(path: Path, anchors: Sequence[bytes]) -> _Store:
    settings = _settings(anchors)
    try:
        # What is no plain file could block for ever or have no end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableMedia(f"{path} is no file", "name a picture or a video")
        with _InPieces(path, "rb") as file:
            mime = _format_of(file.read(16))
            store = _Store(None, mime) if mime == _PLAIN else _parse(settings, mime, file, None)
            if store.where is not None:
                return store
            receipt = _receipt(path)
            return store if receipt is None else _parse(settings, mime, file, receipt)
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror or error}", "check the name and the rights") from error


def _format_of(start: bytes) -> str:
    """The format by the first 16 bytes, not by the name."""
    if start.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if start.startswith(b"\x89PNG"):
        return "image/png"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if start[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return "image/tiff"
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], "video/mp4")
    return _PLAIN


def _receipt(path: Path) -> bytes | None:
    receipt = receipt_path(path)
    if not receipt.is_file():
        return None
    with receipt.open("rb") as file:
        return file.read(_MOST_RECEIPT_BYTES)


def _parse(settings: dict[str, Any], mime: str, file: "_InPieces", receipt: bytes | None) -> _Store:
    where: Literal["embedded", "sidecar"] = "embedded" if receipt is None else "sidecar"
    file.seek(0)
    try:
        with Context(Settings.from_dict(settings)) as context, Reader(mime, file, receipt, context) as reader:
            report = json.loads(reader.json())
    except C2paError.ManifestNotFound:
        return _Store(None, mime)
    except C2paError as error:
        if str(error).startswith("Remote"):
            return _Store(None, mime, problem=INACCESSIBLE)
        return _Store(where, mime, problem=_text(str(error)), receipt=receipt)
    except (ValueError, RecursionError) as error:
        return _Store(where, mime, problem=type(error).__name__, receipt=receipt)
    return _Store(where, mime, report, receipt=receipt)


def _found(store: _Store) -> CredentialsFound:
    if store.report is None:
        why = () if store.problem is None else (store.problem,)
        return CredentialsFound("none" if store.where is None else "damaged", store.where, problems=why)
    report = store.report
    manifest = _dict(_dict(report.get("manifests")).get(str(report.get("active_manifest"))))
    results = _dict(report.get("validation_results"))
    problems = _codes(_dict(results.get("activeManifest")), "failure")
    for delta in _list(results.get("ingredientDeltas")):
        problems += _codes(_dict(_dict(delta).get("validationDeltas")), "failure")
    assertions = [_dict(each) for each in _list(manifest.get("assertions"))]
    data = {str(each.get("label")): _dict(each.get("data")) for each in assertions}
    actions = [_dict(each) for each in _list(data.get("c2pa.actions.v2", data.get("c2pa.actions", {})).get("actions"))]
    disclosure = data.get(claims.DISCLOSURE, {})
    label, consent = _dict(disclosure.get("label")), _dict(disclosure.get("consent"))
    signature = _dict(manifest.get("signature_info"))
    generators = _list(manifest.get("claim_generator_info"))
    generator = _dict(generators[0]) if generators else {}
    return CredentialsFound(
        state=_state(report.get("validation_state"), problems, _codes(_dict(results.get("activeManifest")), "success")),
        where=store.where,
        signer=_text(signature.get("common_name")) or _text(signature.get("issuer")),
        signed_at=_moment(signature.get("time")),
        generator=_text(" ".join(str(generator[key]) for key in ("name", "version") if generator.get(key))),
        title=_text(manifest.get("title")),
        engine=_text(disclosure.get("engine")),
        mark_id=_mark_id(data.get("c2pa.soft-binding", {})),
        label=_text(label.get("state")),
        label_note=_text(label.get("note")),
        consent=_text(consent.get("basis")),
        consent_at=_moment(consent.get("recorded")),
        made_at=next((_moment(each["when"]) for each in actions if "when" in each), None),
        actions=tuple(filter(None, (_text(each.get("action")) for each in actions))),
        digital_source_types=tuple(
            dict.fromkeys(filter(None, (_text(each.get("digitalSourceType")) for each in actions)))
        ),
        ingredients=tuple(_ingredient(_dict(each)) for each in _list(manifest.get("ingredients"))),
        problems=tuple(dict.fromkeys(problems)),
    )  # fmt: skip


def _state(verdict: object, problems: Sequence[str], successes: Sequence[str]) -> State:
    """The library's verdict (Trusted, Valid, Invalid) and C2PA's status codes, as one of our words."""
    found = set(problems)
    if verdict == "Trusted":
        return "trusted"
    if found & _CHANGED:
        return "changed"
    if not found <= _UNKNOWN_SIGNER | _OUT_OF_DATE or "claimSignature.validated" not in successes:
        return "damaged"
    return "expired" if found & _OUT_OF_DATE else "unknown-signer"


def _ingredient(ingredient: dict[str, Any]) -> IngredientFound:
    active = _dict(_dict(ingredient.get("validation_results")).get("activeManifest"))
    problems, successes = _codes(active, "failure"), _codes(active, "success")
    if "active_manifest" not in ingredient:
        state: State = "none"
    else:
        state = _state("Trusted" if "signingCredential.trusted" in successes and not problems else None, problems, successes)
    return IngredientFound(_text(ingredient.get("title")) or "", _text(ingredient.get("relationship")) or "", state)


def _mark_id(binding: dict[str, Any]) -> int | None:
    if binding.get("alg") != claims.MARK_ALGORITHM:
        return None
    values = [_dict(each).get("value") for each in _list(binding.get("blocks"))]
    return claims.mark_number(str(values[0])) if values else None


def _codes(results: dict[str, Any], kind: str) -> list[str]:
    return [text for each in _list(results.get(kind)) if (text := _text(_dict(each).get("code")))]


# A manifest may hold anything anywhere.


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    """Short, and without what could move the cursor or turn the direction of writing."""
    if not isinstance(value, str):
        return None
    return "".join(each for each in value[:_MOST_TEXT] if each.isprintable()).strip() or None


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


# Signing.


def _definition(claim: Claim, mime: str, *, opened: bool) -> dict[str, Any]:
    return {
        "claim_version": 2,
        "claim_generator_info": [claims.generator()],
        "title": claim.title,
        "format": mime,
        # "created" = the signer vouches for it.
        "assertions": [{**each, "created": True} for each in claims.assertions(claim, opened=opened)],
    }


def _add_parent(builder: Builder, parent: Path, title: str) -> list[str]:
    """Take in the file that was changed, with its credentials as they are; what the person should know of them."""
    store = _look(parent, ())
    found = _found(store)
    about: dict[str, Any] = {"title": title, "relationship": "parentOf", "instance_id": claims.PARENT_ID}
    mime, warnings = store.mime, []
    if found.state == "damaged":
        # The library takes no ingredient that it cannot read; without a format it does not look.
        mime = _PLAIN
        about["description"] = "Its credentials were damaged and could not be kept."
        warnings = [f"the credentials of {title} are damaged and could not be kept; the new ones say so"]
    elif found.state in {"changed", "expired"}:
        warnings = [f"the credentials of {title} are kept, but say of themselves: {found.words}"]
    elif INACCESSIBLE in found.problems:
        warnings = [f"the credentials of {title} lie on the network and were not fetched"]
    if store.where == "sidecar" and store.report is not None:
        about["manifest_data"] = {"format": "application/c2pa", "identifier": _PARENT_RESOURCE}
        about["active_manifest"] = store.report.get("active_manifest")
        about["validation_results"] = store.report.get("validation_results")
        builder.add_resource(_PARENT_RESOURCE, io.BytesIO(store.receipt or b""))
    with _InPieces(parent, "rb") as file:
        builder.add_ingredient(about, mime, file)
    return warnings


@contextmanager
def _signer(identity: Identity, failures: list[BaseException], timestamp_url: str | None) -> Iterator[Signer]:
    def sign(data: bytes) -> bytes:
        # An exception cannot pass through the C library: it is kept and raised behind it.
        try:
            return identity.sign(data)
        except (MienError, KeyboardInterrupt) as error:
            failures.append(error)
            return b""

    algorithm = C2paSigningAlg[identity.algorithm.upper()]
    with Signer.from_callback(sign, algorithm, identity.certificates.decode("ascii"), timestamp_url) as signer:
        yield signer


@contextmanager
def _explained(claim: Claim, failures: Sequence[BaseException], timestamp_url: str | None) -> Iterator[None]:
    try:
        yield
        if failures:
            raise failures[0]
    except C2paError as error:
        if failures:
            raise failures[0] from error
        remedy = "check the signing certificate and this machine's clock"
        if timestamp_url is not None:
            remedy += f", and whether {timestamp_url} answers"
        raise SigningFailed(f"{claim.title} cannot be signed: {_text(str(error))}", remedy) from error


def _is_fragmented(path: Path) -> bool:
    """Whether a video is laid out in fragments (`moof`), of which the library hashes no blocks that it can check later."""
    with path.open("rb") as file:
        at = 0
        while len(header := file.read(16)) >= 8:
            size, kind = struct.unpack_from(">I4s", header)
            if kind == b"moof":
                return True
            if size == 1 and len(header) == 16:
                (size,) = struct.unpack_from(">Q", header, 8)
            if size < 8:
                return False
            at += size
            file.seek(at)
    return False


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` that takes its place at the end, or goes when something fails."""
    temporary = temporary_path(path)
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class _InPieces(io.FileIO):
    """The library asks for hundreds of megabytes at once; it is content with less. What fails is noted in `failures`, because
    the library only says that something did.
    """

    def __init__(self, path: Path, mode: str, failures: list[BaseException] | None = None) -> None:
        super().__init__(path, mode)
        self._failures = failures

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_READ_BYTES if size is None or size < 0 else min(size, _READ_BYTES)) or b""

    def write(self, data: Any, /) -> int:
        # A full disk takes a part and says so by the count only, for which the library does not look.
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[super().write(left) or 0 :]
            return len(data)
        except OSError as error:
            if self._failures is not None:
                self._failures.append(error)
            raise


class _Discard(io.RawIOBase):
    """Takes the copy of the file that the library writes even when the manifest stays outside."""

    def __init__(self) -> None:
        super().__init__()
        self._at = self._end = 0

    def read(self, size: int = -1, /) -> bytes:
        return b""

    def write(self, data: Any, /) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def _settings(anchors: Sequence[bytes], *, timestamp_url: str | None = None, large: bool = False) -> dict[str, Any]:
    """For the library. Its defaults fetch from the network and keep thumbnails."""
    trust = {"trust_config": "\n".join(each.dotted_string for each in PURPOSES)}
    if anchors:
        trust["user_anchors"] = "\n".join(_anchor(each) for each in anchors)
    core: dict[str, Any] = {
        "backing_store_memory_threshold_in_mb": _SPILL_MB,
        "max_decompressed_manifest_size_in_mb": _MOST_MANIFEST_MB,
        "decode_identity_assertions": False,
        "allowed_network_hosts": [host] if timestamp_url and (host := urlsplit(timestamp_url).hostname) else [],
    }
    if large:
        core["merkle_tree_chunk_size_in_kb"] = _BLOCK_KB
    off = {"enabled": False}
    return {
        "version": 1,
        "core": core,
        "trust": trust,
        "verify": {
            "verify_trust": True, "verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False,
        },
        "builder": {
            "thumbnail": off,
            "actions": {"auto_created_action": off, "auto_opened_action": off, "auto_placed_action": off},
        },
    }  # fmt: skip


def _anchor(pem: bytes) -> str:
    try:
        x509.load_pem_x509_certificates(pem)
        return pem.decode("utf-8")
    except ValueError as error:
        raise CertificateUnusable("a root that is to be trusted is no certificate", "give a PEM file") from error
