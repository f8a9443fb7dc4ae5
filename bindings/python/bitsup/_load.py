"""Finds the shared library and loads it, once, at import."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Union

from . import _raw

#: The environment variable that names the library to use. If it is set, no other location is tried.
VARIABLE = "BITSUP_LIBRARY"

if sys.platform == "win32":
    BUILT, INSTALLED = "bitsup.dll", "bitsup.dll"
elif sys.platform == "darwin":
    BUILT, INSTALLED = "libbitsup.dylib", f"libbitsup.{_raw.ABI_VERSION}.dylib"
else:
    BUILT, INSTALLED = "libbitsup.so", f"libbitsup.so.{_raw.ABI_VERSION}"


def load() -> _raw.Library:
    """Loads the first compatible library. Raises ImportError with all locations that were tried."""
    failures: List[str] = []
    for candidate in candidates():
        reason = "no such file"
        if not isinstance(candidate, Path) or candidate.is_file():
            try:
                return open_library(candidate)
            except (OSError, AttributeError, ImportError) as error:
                reason = str(error)
        failures.append(f"  {candidate}: {reason}")
    raise ImportError(
        f"no shared library compatible with bitsup {version(_raw.VERSION_NUMBER)} for Python was found:\n"
        + "\n".join(failures)
        + f"\nInstall bitsup, build it with `cargo build --release`, or set {VARIABLE} to the path of the library."
    )


def candidates() -> Iterator[Union[Path, str]]:
    """Yields the locations of the library in the order to try them. A bare name is searched by the system."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named)
        return
    package = Path(__file__).resolve().parent
    yield package / BUILT
    yield from cargo_builds(package)
    yield INSTALLED


def cargo_builds(package: Path) -> List[Path]:
    """Returns what cargo built, newest first, if this package is part of a checkout of bitsup."""
    root = package.parents[2] if len(package.parents) > 2 else package
    if not (root / "src" / "ffi").is_dir():
        return []
    built = [root / "target" / profile / BUILT for profile in ("release", "debug")]
    return sorted(built, key=lambda path: path.stat().st_mtime if path.is_file() else 0, reverse=True)


def open_library(candidate: Union[Path, str]) -> _raw.Library:
    """Loads a library. Raises ImportError if its version is incompatible."""
    library = ctypes.CDLL(str(candidate))
    mismatch = version_mismatch(library)
    if mismatch:
        raise ImportError(mismatch)
    return _raw.Library(library)


def version_mismatch(library: ctypes.CDLL) -> Optional[str]:
    """Says why the version of a library is incompatible. ABI 0 is unstable, so there the minor version must match."""
    library.bitsup_abi_version.restype = library.bitsup_version_number.restype = ctypes.c_uint32
    abi, number = library.bitsup_abi_version(), library.bitsup_version_number()
    if abi != _raw.ABI_VERSION:
        return f"its ABI version is {abi}, expected {_raw.ABI_VERSION}"
    if abi == 0:
        compatible = number >> 16 == _raw.VERSION_NUMBER >> 16
    else:
        compatible = number >= _raw.VERSION_NUMBER
    return None if compatible else f"its version {version(number)} is incompatible"


def version(number: int) -> str:
    """Formats a version number."""
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}"


lib = load()
