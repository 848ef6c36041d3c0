"""Run `mien` commands on Linux as if it were Windows: `python -m tests.support.windows LINE...`, one command line an argument.

The disguise covers mien only, since its libraries have builds of their own for Windows: its modules find no POSIX module, a
`sys` with the platform win32, and an `os` and a `signal` without the names that Windows lacks. The file system refuses to
replace or delete open files. Text files opened without an encoding are errors.
"""

import builtins
import ctypes
import os
import shlex
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

POSIX_MODULES = frozenset({
    "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty",
})  # fmt: skip
POSIX_OS = frozenset({
    "EX_OK", "O_CLOEXEC", "O_DIRECTORY", "O_DSYNC", "O_NDELAY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "O_SYNC",
    "O_TMPFILE", "WNOHANG", "chown", "chroot", "confstr", "copy_file_range", "ctermid", "fchdir", "fchown", "fork", "forkpty",
    "getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority", "getresuid", "getsid",
    "getuid", "getxattr", "initgroups", "killpg", "lchown", "lockf", "memfd_create", "mkfifo", "mknod", "nice", "openpty",
    "pathconf", "pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate", "posix_spawn", "pread", "preadv", "pwrite",
    "register_at_fork", "sched_getaffinity", "sched_setaffinity", "sendfile", "setegid", "seteuid", "setgid", "setgroups",
    "setpgid", "setpriority", "setsid", "setuid", "setxattr", "splice", "statvfs", "sync", "sysconf", "tcgetpgrp",
    "ttyname", "uname", "wait3", "wait4", "waitid",
})  # fmt: skip
POSIX_SIGNALS = frozenset({
    "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGIO", "SIGKILL", "SIGPIPE", "SIGPROF", "SIGQUIT", "SIGSTOP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "getitimer", "pause", "pthread_kill",
    "pthread_sigmask", "setitimer", "siginterrupt", "sigpending", "sigtimedwait", "sigwait", "sigwaitinfo",
})  # fmt: skip
HIDDEN = {"os": POSIX_OS, "signal": POSIX_SIGNALS}
# Calls to the system's own libraries succeed.
_WINDLL = SimpleNamespace(kernel32=SimpleNamespace(SetDllDirectoryW=lambda path: 1))
SHOWN: dict[str, dict[str, Any]] = {
    "ctypes": {"windll": _WINDLL},
    "os": {"name": "nt", "O_BINARY": 0},
    "sys": {"platform": "win32"},
}


class _Disguise(ModuleType):
    """A module as on Windows; everything else is passed through."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        real = self.__dict__["_real"]
        module = real.__name__
        if name in HIDDEN.get(module, ()):
            raise AttributeError(f"module {module!r} has no attribute {name!r} on Windows")
        shown = SHOWN.get(module, {})
        return shown[name] if name in shown else getattr(real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_real"], name, value)


def disguise() -> None:
    """Show Windows to all modules of mien that are imported from now on."""
    real_import = builtins.__import__
    disguises = {module.__name__: _Disguise(module) for module in (ctypes, os, sys, signal)}

    def imported(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names of builtins.__import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        ours = str((globals or {}).get("__name__", "")).partition(".")[0] == "mien"
        if ours and name.partition(".")[0] in POSIX_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
        if ours and name in disguises:
            return disguises[name]
        return real_import(name, globals, locals, fromlist or (), level)

    builtins.__import__ = imported
    _refuse_open_files()
    warnings.filterwarnings("error", category=EncodingWarning, module=r"mien(\.|$)")


def _refuse_open_files() -> None:
    for name in ("replace", "rename", "unlink", "remove"):
        setattr(os, name, _refusing(getattr(os, name)))
    # Otherwise files are deleted by a name relative to a folder's descriptor, which Windows does not have.
    shutil._use_fd_functions = False  # type: ignore[attr-defined]


def _refusing(real: Callable[..., None]) -> Callable[..., None]:
    def refuse(*paths: Any, **options: Any) -> None:
        for path in paths:
            if options.get("dir_fd") is None and is_open(path):
                raise PermissionError(13, "the file is in use by this process", os.fspath(path))
        real(*paths, **options)

    return refuse


def is_open(path: Any) -> bool:
    """Return True when this process has the file open."""
    own = "/proc/self/fd"
    return os.path.realpath(path) in {os.path.realpath(os.path.join(own, number)) for number in os.listdir(own)}  # noqa: PTH118, PTH208


def main(lines: Sequence[str]) -> int:
    """Run one command line after the other up to the first failure; returns its exit code."""
    disguise()
    from mien.commands.main import main as mien

    for line in lines:
        code = mien(shlex.split(line))
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
