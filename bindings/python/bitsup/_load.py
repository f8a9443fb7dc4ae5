"""Finds the shared library and loads it, once, at import."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Union

from . import _raw

#: Names the library to use, and the only place to look for it.
VARIABLE = "BITSUP_LIBRARY"

if sys.platform == "win32":
    BUILT, INSTALLED = "bitsup.dll", "bitsup.dll"
elif sys.platform == "darwin":
    BUILT, INSTALLED = "libbitsup.dylib", f"libbitsup.{_raw.ABI_VERSION}.dylib"
else:
    BUILT, INSTALLED = "libbitsup.so", f"libbitsup.so.{_raw.ABI_VERSION}"


def load() -> _raw.Library:
    """The first library found that this package fits to. Raises ImportError that lists what was looked for."""
    failures: List[str] = []
    for candidate in candidates():
        reason = "there is no such file"
        if not isinstance(candidate, Path) or candidate.is_file():
            try:
                return opened(candidate)
            except (OSError, AttributeError, ImportError) as error:
                reason = str(error)
        failures.append(f"  {candidate}: {reason}")
    raise ImportError(
        f"bitsup {version(_raw.VERSION_NUMBER)} for Python found no shared library that it fits to:\n"
        + "\n".join(failures)
        + f"\nInstall bitsup, build it with `cargo build --release`, or name the library in {VARIABLE}."
    )


def candidates() -> Iterator[Union[Path, str]]:
    """Where the library may be, the most particular place first. A bare name is left to the system's search."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named)
        return
    package = Path(__file__).resolve().parent
    yield package / BUILT
    yield from in_checkout(package)
    yield INSTALLED


def in_checkout(package: Path) -> List[Path]:
    """What cargo built, when this package lies in bitsup's own sources: the newest first."""
    root = package.parents[2] if len(package.parents) > 2 else package
    if not (root / "src" / "ffi").is_dir():
        return []
    built = [root / "target" / profile / BUILT for profile in ("release", "debug")]
    return sorted(built, key=lambda path: path.stat().st_mtime if path.is_file() else 0, reverse=True)


def opened(candidate: Union[Path, str]) -> _raw.Library:
    """Loads a library, and refuses one with another interface."""
    library = ctypes.CDLL(str(candidate))
    mismatch = judged(library)
    if mismatch:
        raise ImportError(mismatch)
    return _raw.Library(library)


def judged(library: ctypes.CDLL) -> Optional[str]:
    """What is wrong with the version of a library. ABI 0 promises nothing, so there the minor version counts."""
    library.bitsup_abi_version.restype = library.bitsup_version_number.restype = ctypes.c_uint32
    abi, number = library.bitsup_abi_version(), library.bitsup_version_number()
    if abi != _raw.ABI_VERSION:
        return f"its ABI is {abi}, not {_raw.ABI_VERSION}"
    fits = number >> 16 == _raw.VERSION_NUMBER >> 16 if abi == 0 else number >= _raw.VERSION_NUMBER
    return None if fits else f"its version is {version(number)}, which does not fit"


def version(number: int) -> str:
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}"


lib = load()
