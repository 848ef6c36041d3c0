"""Memory that Python and the C library keep after its use, in a process that lasts for days."""

import ctypes
import gc
import sys

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # M_... of glibc's malloc.h
_ARENAS = 2  # its default is eight a core: a studio grew by 400 MB in 109 starts, and stayed at 600 with one
_LARGE_BYTES = 7 << 20
"""Blocks that go back to the system when they are freed. glibc moves its own limit up to 32 MB, and frames of 2160p stayed:
915 MB after the look for their mark, 690 with this. A frame of 1080p (6.2 MB) is smaller, and its memory is used again; a plane
of 2160p has 8.3 MB."""
_KEPT_BYTES = 64 << 20
"""Free memory at the end of a pool that is kept: ten frames of 1080p."""
_RUN_OBJECTS = 1  # generation of what a run of the picture has made: all objects take 100 times as long (0.2 s)


def keep_few_arenas() -> bool:
    """Limit the pools of memory of this process from now on, two for all threads; return False where that is not possible."""
    mallopt = _of_libc("mallopt")
    return mallopt is not None and bool(mallopt(_ARENA_MAX, _ARENAS))


def return_large_blocks() -> bool:
    """Give large blocks back to the system from now on; return False where that is not possible."""
    mallopt = _of_libc("mallopt")
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _LARGE_BYTES) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))


def give_back() -> None:
    """Give back to the system what was made since the last call and is used no more; takes 2 to 3 ms.

    Garbage is collected rarely in mien's processes, and what is freed lies in pools that glibc keeps: 200 starts and stops of a
    studio left 230 MB.
    """
    gc.collect(_RUN_OBJECTS)
    if (malloc_trim := _of_libc("malloc_trim")) is not None:
        malloc_trim(0)


def _of_libc(name: str) -> "ctypes._NamedFuncPointer | None":
    """Return a function of glibc; None on other systems and in other C libraries."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
