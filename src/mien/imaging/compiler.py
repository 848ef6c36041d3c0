"""numba, imported so that it takes nothing from the current folder."""

import sys
from types import ModuleType
from typing import Any


def _import_numba() -> ModuleType:
    """Import numba without PyYAML: with it, a file in the current folder could make numba load compiled code from elsewhere."""
    modules: dict[str, Any] = sys.modules
    yaml = modules.get("yaml")
    modules["yaml"] = None  # makes the import fail
    try:
        import numba
    finally:
        del modules["yaml"]
        if yaml is not None:
            modules["yaml"] = yaml
    return numba


numba = _import_numba()


ir: Any = numba.core.cgutils.ir
# numba has imported both already; kernels whose inner loops are written in LLVM's own instructions take them from here.
llvm: Any = numba.core.codegen.ll
