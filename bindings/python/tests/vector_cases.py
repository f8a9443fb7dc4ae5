"""Parses tests/vectors/*.txt into steps. The README in that folder describes the language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Tuple

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "vectors"


@dataclass
class Step:
    place: str
    words: List[str]
    #: Header fields to set, and those to remove.
    set: List[Tuple[str, str]] = field(default_factory=list)
    remove: List[str] = field(default_factory=list)
    #: The other changes, by keyword.
    changes: Dict[str, str] = field(default_factory=dict)
    expect: List[str] = field(default_factory=list)


@dataclass
class Case:
    origin: str
    title: str
    only: List[str] = field(default_factory=list)
    settings: Dict[str, str] = field(default_factory=dict)
    steps: List[Step] = field(default_factory=list)

    def says(self, *words: str) -> bool:
        """Whether a step begins with one of the keywords."""
        return any(step.words[0] in words for step in self.steps)

    def changes(self, *words: str) -> bool:
        """Whether a request has one of these changes."""
        return any(word in step.changes for step in self.steps for word in words)


def cases() -> List[Case]:
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in parse(path.name, path.read_text("utf-8"))]


def parse(origin: str, text: str) -> List[Case]:
    found: List[Case] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split(" # ")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("==="):
            found.append(Case(f"{origin}:{number}", line[3:].strip()))
        elif line.startswith(">"):
            _parse_change(found[-1].steps[-1], line[1:].strip())
        elif line.startswith("<"):
            found[-1].steps[-1].expect.append(line[1:].strip())
        elif line.startswith("only "):
            found[-1].only += line.split()[1:]
        elif line.startswith("set "):
            name, _, value = line[4:].partition(" ")
            found[-1].settings[name] = value
        else:
            found[-1].steps.append(Step(f"{origin}:{number}", line.split()))
    return found


def _parse_change(step: Step, text: str) -> None:
    name, colon, value = text.partition(":")
    if text.startswith("!"):
        step.remove.append(text[1:])
    elif colon and " " not in name:
        step.set.append((name, _expand(value.strip())))
    else:
        word, _, value = text.partition(" ")
        step.changes[word] = _expand(value)


def _expand(value: str) -> str:
    """Expands {{text*n}}, which keeps long values readable."""
    return re.sub(r"\{\{(.*?)\*(\d+)\}\}", lambda found: found[1] * int(found[2]), value)


def content(span: str) -> bytes:
    """Returns the bytes "A-B", both included, of the file that all vectors use."""
    if span == "none":
        return b""
    first, last = map(int, span.split("-"))
    blocks = b"".join(_block(number) for number in range(first >> 8, (last >> 8) + 1))
    return blocks[first & 255 :][: last + 1 - first]


def _block(number: int) -> bytes:
    """Returns a block of 256 bytes. The byte at an offset is (offset ^ offset >> 8 ^ offset >> 16) * 167 % 251."""
    mixed = (number << 8) ^ number ^ (number >> 8)
    return _low(mixed & 255).translate(_values((mixed & ~255) * 167 % 251))


@lru_cache(None)
def _low(mixed: int) -> bytes:
    return bytes(low ^ mixed for low in range(256))


@lru_cache(None)
def _values(high: int) -> bytes:
    return bytes((high + low * 167) % 251 for low in range(256))
