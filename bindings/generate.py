#!/usr/bin/env python3
"""Generates the raw layers of the bindings from include/bitsup.h. With --check, only lists those that are out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rawgen import csharp, header, python

BINDINGS = Path(__file__).resolve().parent
# Each module has OUTPUT, a path relative to BINDINGS, and render(header) -> str.
LAYERS = {"python": python, "csharp": csharp}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a raw layer is out of date")
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=f"one of {', '.join(LAYERS)} [default: all]")
    arguments = parser.parse_args()
    unknown = set(arguments.layers) - set(LAYERS)
    if unknown:
        parser.error(f"unknown layer {', '.join(sorted(unknown))}: expected one of {', '.join(LAYERS)}")
    check = arguments.check
    declared = header.read()
    stale = 0
    for layer in (LAYERS[name] for name in arguments.layers or LAYERS):
        path = BINDINGS / layer.OUTPUT
        text = layer.render(declared)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if check:
            print(f"{path} is out of date with include/bitsup.h: run bindings/generate.py", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
