"""Puts the shared library into the wheel: the one that BITSUP_LIBRARY names, or else what cargo builds."""

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
        raise ExecError("the sources of the shared library are not here; name a built one in BITSUP_LIBRARY")
    if shutil.which("cargo") is None:
        raise ExecError("cargo is missing; install Rust (https://rustup.rs), or name a built library in BITSUP_LIBRARY")
    subprocess.run(["cargo", "build", "--locked", "--release", "--lib"], cwd=CHECKOUT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    return target / "release" / NAME


class WithLibrary(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copy(shared_library(), Path(self.build_lib, "bitsup", NAME))


class Binary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> "tuple[str, str, str]":
        # The library depends on the platform, not on the version of Python: it is reached by ctypes.
        return ("py3", "none", super().get_tag()[2])


def version() -> str:
    raw = (HERE / "bitsup" / "_raw.py").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^VERSION_(?:MAJOR|MINOR|PATCH) = (\d+)$", raw, re.MULTILINE))


# Elsewhere, so that nothing is left in the sources, and nothing that was left there gets into a wheel.
with tempfile.TemporaryDirectory() as scratch:
    setup(
        version=version(),
        packages=["bitsup"],
        package_data={"bitsup": ["py.typed"]},
        distclass=Binary,
        cmdclass={"build_py": WithLibrary, "bdist_wheel": PlatformWheel},
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
