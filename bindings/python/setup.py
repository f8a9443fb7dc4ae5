"""Builds the wheel, which contains the shared library: the one named by BITSUP_LIBRARY, or else a cargo build."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.errors import ExecError

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
NAME = {"win32": "bitsup.dll", "darwin": "libbitsup.dylib"}.get(sys.platform, "libbitsup.so")


def shared_library() -> Path:
    named = os.environ.get("BITSUP_LIBRARY")
    if named:
        return Path(named)
    if not (CHECKOUT / "src" / "ffi").is_dir():
        raise ExecError("the sources of the shared library are missing; set BITSUP_LIBRARY to a built library")
    if shutil.which("cargo") is None:
        raise ExecError("cargo is missing; install Rust (https://rustup.rs), or set BITSUP_LIBRARY to a built library")
    subprocess.run(["cargo", "build", "--locked", "--release", "--lib"], cwd=CHECKOUT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    return target / "release" / NAME


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copy(shared_library(), Path(self.build_lib, "bitsup", NAME))


class BinaryDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> "tuple[str, str, str]":
        # The library depends on the platform, but not on the version of Python, because it is loaded with ctypes.
        return ("py3", "none", super().get_tag()[2])


def version() -> str:
    raw = (HERE / "bitsup" / "_raw.py").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^VERSION_(?:MAJOR|MINOR|PATCH) = (\d+)$", raw, re.MULTILINE))


# Builds outside the source tree, so that no old build output gets into the wheel.
with tempfile.TemporaryDirectory() as scratch:
    setup(
        version=version(),
        packages=["bitsup"],
        package_data={"bitsup": ["py.typed"]},
        distclass=BinaryDistribution,
        cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
