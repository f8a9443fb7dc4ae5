"""Finding the shared library, and installing the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Dict, Optional

import pytest

from bitsup import _load, _raw

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]
SHOW = "import bitsup; print(bitsup.__version__, bitsup.__file__)"

linux = pytest.mark.skipif(sys.platform != "linux", reason="requires shared libraries of Linux")


def library() -> Path:
    """Returns the library under test."""
    return next(Path(str(path)) for path in _load.candidates() if Path(str(path)).is_file())


def python(code: str, where: Path, python: str = sys.executable, **variables: Optional[str]) -> Dict[str, object]:
    """Runs code with the package in `where` and without other ways to find a library."""
    env = {name: value for name, value in os.environ.items() if name not in ("BITSUP_LIBRARY", "PYTHONPATH")}
    env.update({name: value for name, value in variables.items() if value is not None})
    ended = subprocess.run([python, "-c", code], cwd=where, env=env, capture_output=True, text=True, timeout=60)
    return {"status": ended.returncode, "out": ended.stdout, "err": ended.stderr}


@pytest.fixture
def standalone(tmp_path: Path) -> Path:
    """The package outside a checkout."""
    shutil.copytree(PACKAGE / "bitsup", tmp_path / "standalone" / "bitsup", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "standalone"


@linux
def test_without_a_library_the_error_lists_every_location(standalone: Path) -> None:
    ended = python(SHOW, standalone)
    assert ended["status"] == 1
    message = str(ended["err"])
    assert f"{standalone}/bitsup/libbitsup.so: no such file" in message
    assert "libbitsup.so.0: libbitsup.so.0: cannot open shared object file" in message
    assert "BITSUP_LIBRARY" in message and "cargo build --release" in message


@linux
def test_no_other_library_is_tried_if_one_is_named(standalone: Path) -> None:
    shutil.copy(library(), standalone / "bitsup" / "libbitsup.so")
    ended = python(SHOW, standalone, BITSUP_LIBRARY="/nowhere/libbitsup.so")
    assert ended["status"] == 1
    assert "/nowhere/libbitsup.so: no such file" in str(ended["err"])
    assert "standalone/bitsup/libbitsup.so" not in str(ended["err"])


@linux
@pytest.mark.parametrize(
    ("abi", "number", "reason"),
    [
        (_raw.ABI_VERSION + 1, _raw.VERSION_NUMBER, f"its ABI version is {_raw.ABI_VERSION + 1}, expected {_raw.ABI_VERSION}"),
        (_raw.ABI_VERSION, 0x00630200, "its version 0.99.2 is incompatible"),
        (_raw.ABI_VERSION, _raw.VERSION_NUMBER, "undefined symbol: bitsup_"),
    ],
)
def test_an_incompatible_library_is_rejected(standalone: Path, abi: int, number: int, reason: str) -> None:
    source = f"""
        unsigned bitsup_abi_version(void) {{ return {abi}; }}
        unsigned bitsup_version_number(void) {{ return {number}; }}
    """
    (standalone / "other.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "bitsup/libbitsup.so", "other.c"], cwd=standalone, check=True)
    ended = python(SHOW, standalone)
    assert ended["status"] == 1 and reason in str(ended["err"]), ended["err"]


@linux
def test_an_installed_library_is_found_by_its_name(standalone: Path, tmp_path: Path) -> None:
    installed = tmp_path / "lib"
    installed.mkdir()
    (installed / "libbitsup.so.0").symlink_to(library())
    ended = python(SHOW, standalone, LD_LIBRARY_PATH=str(installed))
    assert ended["status"] == 0, ended["err"]


@linux
def test_in_a_checkout_the_newest_build_is_used(tmp_path: Path) -> None:
    package = tmp_path / "bindings" / "python" / "bitsup"
    assert _load.cargo_builds(package) == []
    (tmp_path / "src" / "ffi").mkdir(parents=True)
    for age, profile in enumerate(("debug", "release")):
        built = tmp_path / "target" / profile / "libbitsup.so"
        built.parent.mkdir(parents=True)
        built.touch()
        os.utime(built, (1000 - age, 1000 - age))
    assert [path.parent.name for path in _load.cargo_builds(package)] == ["debug", "release"]


@linux
def test_a_wheel_works_in_a_fresh_environment_without_cargo(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not Path(part, "cargo").exists())
    variables = {**os.environ, "BITSUP_LIBRARY": str(library()), "PATH": path}
    new = str(environment / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", new, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "./bindings/python"], cwd=CHECKOUT, env=variables, check=True)
    (installed,) = environment.glob("lib/python*/site-packages/bitsup-*.dist-info")
    assert f"Tag: py3-none-linux_{os.uname().machine}\n" in (installed / "WHEEL").read_text("utf-8")
    assert all((installed.parent / "bitsup" / name).is_file() for name in ("libbitsup.so", "py.typed", "_raw.py"))
    code = "import bitsup, sys; s = bitsup.Server(sys.prefix); print(bitsup.upload(b'hello', s.url + 'a').size)"
    ended = python(code, tmp_path, new)
    assert (ended["status"], ended["out"]) == (0, "5\n"), ended["err"]


def test_without_cargo_and_library_the_build_error_is_helpful(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "BITSUP_LIBRARY"}
    env["PATH"] = str(tmp_path)
    code = "import sys; sys.argv = ['setup.py', '--version']; import setup; setup.shared_library()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE, env=env, capture_output=True, text=True)
    assert "cargo is missing" in ended.stderr and "BITSUP_LIBRARY" in ended.stderr
