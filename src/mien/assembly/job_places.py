"""Places of planned films: which kind of store an address names."""

import re
from pathlib import Path

from mien.assembly.job_folder import FolderStore
from mien.assembly.job_objects import ObjectStore, s3_files
from mien.assembly.job_store import Address, JobStore
from mien.errors import UsageError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.DOTALL)


def store_of(address: Address) -> JobStore:
    """Return the store at an address. Raises `UsageError` for one of a kind that cannot be used."""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        return FolderStore(Path(address))
    scheme, place = found.groups()
    if scheme == "file":
        if not place.startswith("/"):
            raise UsageError(f"{address} names no folder of this machine", "write three slashes: file:///films/job")
        return FolderStore(Path(place))
    if scheme == "s3":
        return ObjectStore(str(address), place, s3_files())
    raise UsageError(f"{scheme}:// is no place for a film in parts", "use a folder, or an address that begins with s3://")
