"""Native library of c2pa-python: loaded from the package's own folder, from nowhere else.

By itself, the package searches the current folder with its `libs` and `artifacts`, and folders that the environment names;
some of these come before its own copy.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_PACKAGE = "c2pa"
_FILES = ("libc2pa_c.so", "libc2pa_c.dylib", "c2pa_c.dll")
"""Names of the library on Linux, macOS and Windows; a package holds that of its own system."""


def load_own_library() -> None:
    """Make the first import of c2pa, which must follow, load the library in its own folder. Raises `ImportError`."""
    name = f"{_PACKAGE}.lib"
    if name in sys.modules:
        return
    loader = _loader(name)
    folder = Path(str(loader.__file__)).parent / "libs"
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise ImportError(f"{_PACKAGE}-python has no library in {folder}", name=_PACKAGE, path=str(folder))

    def load(library_name: str | None = None) -> ctypes.CDLL:
        return ctypes.CDLL(str(path))

    # The rest of the package, when it is imported, finds this module here instead of running its own search.
    loader.__dict__["dynamically_load_library"] = load
    sys.modules[name] = loader


def _loader(name: str) -> ModuleType:
    """Return the package's module that loads the library; the package itself is not imported for it."""
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise ImportError(f"{_PACKAGE}-python is not installed", name=_PACKAGE)
    spec = importlib.util.spec_from_file_location(name, Path(package.origin).resolve().parent / "lib.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{_PACKAGE}-python has no module lib.py", name=name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
