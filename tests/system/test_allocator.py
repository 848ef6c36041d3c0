"""Pools of memory of the C library, in a process of their own: the limit cannot be taken back."""

import subprocess
import sys
from pathlib import Path

import pytest

_COUNT = """
import ctypes, os, re, sys, threading
from mien.system.allocator import keep_few_arenas
if sys.argv[1] == "few" and not keep_few_arenas():
    sys.exit("no limit here")
malloc = ctypes.CDLL(None).malloc
barrier = threading.Barrier(12)
def take():
    malloc(1000)
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
[each.start() for each in threads]
[each.join() for each in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
print(len(re.findall("<heap nr=", open(sys.argv[2]).read())))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the limit is glibc's")
def test_threads_share_two_pools(tmp_path: Path) -> None:
    def pools(how: str) -> int:
        command = [sys.executable, "-c", _COUNT, how, f"{tmp_path}/info.xml"]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert pools("many") > 2
    assert pools("few") == 2
