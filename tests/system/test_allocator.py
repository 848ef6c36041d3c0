"""Memory that is kept, in processes of their own: a limit cannot be taken back, and other tests leave memory, too."""

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


_LEFT = """
import gc, sys
import numpy as np
import psutil
from mien.system.allocator import give_back
gc.disable()
def resident():
    return psutil.Process().memory_info().rss / 1e6
def run():
    # As a run leaves them: objects that hold each other, and small blocks with one in use at the end of their pool.
    for _ in range(100):
        ring = [np.ones(1_000_000, np.uint8)]
        ring.append(ring)
    blocks = [bytes(2_000) for _ in range(50_000)]
    return blocks[-1]
kept = run()
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the C library of other systems has no such function")
def test_what_is_used_no_more_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", _LEFT], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 150, "MB: 100 in objects that hold each other, 100 in small blocks"


_LARGE = """
import os, sys
from pathlib import Path
import numpy as np
from mien.system.allocator import return_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if sys.argv[1] == "returned" and not return_large_blocks():
    sys.exit("no limit here")
# A block that is freed moves glibc's own limit beyond the size of those that follow.
for megabytes in (31, 24):
    frames = [np.ones(megabytes << 20, np.uint8) for _ in range(4)]
    last = np.ones(100_000, np.uint8)
    before = resident()
    del frames
print((before - resident()) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the limit is glibc's")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    def returned(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", _LARGE, how], capture_output=True, text=True, check=True).stdout)

    assert returned("usual") < 90
    assert returned("returned") >= 95
