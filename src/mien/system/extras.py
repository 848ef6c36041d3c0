"""Optional packages: the command that installs them beside this mien, from wherever mien itself came."""

import importlib.util
import re
import sys

_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


def install_command(extra: str) -> str:
    """Return the command that installs what an extra of mien names, for the Python that is running.

    It names the packages themselves: an index may lack mien, or have another one of that name.
    """
    packages = " ".join(f'"{package}"' for package in _packages(extra))
    # Environments that uv makes have no pip.
    if importlib.util.find_spec("pip") is None:
        return f'uv pip install --python "{sys.executable}" {packages}'
    return f'"{sys.executable}" -m pip install {packages}'


def _packages(extra: str) -> list[str]:
    """Return the requirements of an extra without their markers, such as `pyvirtualcam>=0.15`."""
    # It imports a parser of e-mail, and is seldom needed.
    from importlib import metadata

    required = [line.partition(";") for line in metadata.requires("mien") or ()]
    return [package.strip().replace(" ", "") for package, _, marker in required if extra in _EXTRA.findall(marker)]
