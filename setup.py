"""Build of mien's package: the pixel kernels are compiled into the wheel, so that the first start need not do it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

SOURCE_ONLY = "MIEN_SOURCE_ONLY"
"""Environment variable that, set to 1, leaves the kernels out: the wheel is then one for all systems."""


class BuildWithKernels(build_py):
    """Copies the modules, then compiles their kernels beside them."""

    def run(self) -> None:
        super().run()
        # An earlier build in the same folder leaves its own, which the wheel would hold.
        shutil.rmtree(Path(self.build_lib, "mien/imaging/prebuilt"), ignore_errors=True)
        if not self.editable_mode and os.environ.get(SOURCE_ONLY) != "1":
            said = build_kernels(Path(self.build_lib).absolute())
            if said:
                self.warn(f"the kernels will be compiled at the first start: {said}")


class KernelWheel(bdist_wheel):
    """A wheel for one system where it holds machine code, which runs with each version of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        if any(Path(self.bdist_dir).glob("mien/imaging/prebuilt/*.library")):
            return python, abi, self.plat_name.replace("-", "_").replace(".", "_")
        return python, abi, platform


def build_kernels(lib: Path) -> str:
    """Compile the kernels of the copied modules; return why that failed, which leaves a package that works without them."""
    command = [sys.executable, "-P", "-m", "mien.imaging.kernel_builder", "--package"]
    # An isolated build finds its packages by this variable.
    path = os.pathsep.join(filter(None, (str(lib), os.environ.get("PYTHONPATH"))))
    settings = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=settings, capture_output=True, check=False)
    return done.stderr.decode("utf-8", "replace").strip()[-600:] if done.returncode else ""


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": KernelWheel})
