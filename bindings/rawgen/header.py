"""Parses include/bitsup.h into plain data.

cbindgen generates the header and uses few forms of declarations, so a handful of patterns covers all of it. Anything
else is an error that names the line: a raw layer must not silently lack a function or guess a type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

HEADER = Path(__file__).resolve().parents[2] / "include" / "bitsup.h"

SCALARS = ("int32_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t")
HEADINGS = ("Ownership", "Threads", "Callbacks", "Errors", "Since")


class HeaderError(ValueError):
    """The header contains a declaration that no binding can be generated from."""


@dataclass(frozen=True)
class Doc:
    """A comment: its paragraphs, one per line, and the text of each of HEADINGS."""

    text: str = ""
    headings: Dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first sentence."""
        return re.split(r"(?<=[.?!])\s|\n", self.text, maxsplit=1)[0]


@dataclass(frozen=True)
class Type:
    """A C type: `name` is void, char, one of SCALARS, or declared by the header."""

    name: str
    pointers: int = 0
    #: Whether the target of the innermost pointer is const.
    const: bool = False

    def __str__(self) -> str:
        return ("const " if self.const else "") + self.name + (" " + "*" * self.pointers if self.pointers else "")


@dataclass(frozen=True)
class Parameter:
    name: str
    type: Type


@dataclass(frozen=True)
class Constant:
    """A number: `#define NAME VALUE`."""

    name: str
    value: int
    doc: Doc


@dataclass(frozen=True)
class Alias:
    """An alias of a scalar: `typedef int32_t bitsup_status;`."""

    name: str
    type: Type
    doc: Doc


@dataclass(frozen=True)
class Opaque:
    """A type that is only ever pointed to: `typedef struct bitsup_job bitsup_job;`."""

    name: str
    doc: Doc


@dataclass(frozen=True)
class Function:
    """An exported function or, in `Header.callbacks`, a function pointer type."""

    name: str
    returns: Type
    parameters: Tuple[Parameter, ...]
    doc: Doc


@dataclass
class Header:
    """All declarations of the header, in order, by kind."""

    constants: List[Constant] = field(default_factory=list)
    aliases: List[Alias] = field(default_factory=list)
    opaques: List[Opaque] = field(default_factory=list)
    callbacks: List[Function] = field(default_factory=list)
    functions: List[Function] = field(default_factory=list)

    def is_opaque(self, name: str) -> bool:
        return any(opaque.name == name for opaque in self.opaques)

    def is_callback(self, name: str) -> bool:
        return any(callback.name == name for callback in self.callbacks)

    def declares(self, name: str) -> bool:
        """Whether `name` is a type of this header."""
        return self.is_opaque(name) or self.is_callback(name) or self.resolve(name) != name

    def resolve(self, name: str) -> str:
        """Returns the scalar that an alias stands for, or the name itself."""
        return next((alias.type.name for alias in self.aliases if alias.name == name), name)


def read(path: Path = HEADER) -> Header:
    """Parses the header in a file. Raises HeaderError for unknown declarations."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Header:
    """Parses the text of a header. Raises HeaderError for unknown declarations."""
    header = Header()
    for line, code, doc in _declarations(text):
        if not any(parser(header, code, doc) for parser in _PARSERS):
            raise HeaderError(f"line {line}: unknown form of declaration: {code}")
    return header


def _declarations(text: str) -> Iterator[Tuple[int, str, Doc]]:
    """Yields for each declaration: the number of its first line, its code on one line, and the comment above it."""
    comment: Optional[List[str]] = None
    doc, code, begins = Doc(), "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped in ("/*", "/**"):
            comment = []
        elif comment is not None and stripped == "*/":
            doc, comment = _doc(comment), None
        elif comment is not None:
            comment.append(re.sub(r"^\* ?", "", stripped))
        elif stripped and not _is_boilerplate(stripped):
            begins = begins if code else number
            code = f"{code} {stripped}".strip()
            if code.startswith("#") or code.endswith(";"):
                yield begins, code, doc
                doc, code = Doc(), ""
    if code:
        raise HeaderError(f"line {begins}: unterminated declaration: {code}")


def _is_boilerplate(line: str) -> bool:
    """Whether a line is a guard, an include or extern "C"."""
    prefixes = ("#if", "#endif", "#include", "#define BITSUP_H", 'extern "C"', "}")
    return line.startswith(prefixes) and not re.match(r"#define BITSUP_H\w", line)


def _doc(lines: List[str]) -> Doc:
    paragraphs: List[str] = [""]
    headings: Dict[str, str] = {}
    current: Optional[str] = None
    for line in lines:
        heading = re.match(rf"({'|'.join(HEADINGS)}): *(.*)", line)
        if heading:
            current = heading[1]
            headings[current] = heading[2]
        elif current is not None:
            headings[current] = f"{headings[current]} {line}".strip()
        elif line:
            paragraphs[-1] = f"{paragraphs[-1]} {line}".strip()
        else:
            paragraphs.append("")
    return Doc("\n".join(filter(None, paragraphs)), headings)


def _constant(header: Header, code: str, doc: Doc) -> bool:
    found = re.fullmatch(r"#define (BITSUP_\w+) (.+)", code)
    if not found:
        return False
    header.constants.append(Constant(found[1], _number(header, found[2]), doc))
    return True


def _number(header: Header, expression: str) -> int:
    """Evaluates a literal, or an expression of literals and earlier constants."""
    known = {constant.name: constant.value for constant in header.constants}
    python = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b", r"\1", expression)
    python = re.sub(r"\bBITSUP_\w+\b", lambda name: str(known.get(name[0], name[0])), python)
    if not re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+|<<|[|()+\- ])+", python):
        raise HeaderError(f"not a number: {expression}")
    return int(eval(python, {"__builtins__": {}}))  # Only numbers and operators, as checked above.


def _opaque(header: Header, code: str, doc: Doc) -> bool:
    found = re.fullmatch(r"typedef struct (\w+) (\w+);", code)
    if not found or found[1] != found[2]:
        return False
    header.opaques.append(Opaque(found[1], doc))
    return True


def _alias(header: Header, code: str, doc: Doc) -> bool:
    found = re.fullmatch(r"typedef (\w+) (\w+);", code)
    if not found:
        return False
    header.aliases.append(Alias(found[2], _type(header, found[1]), doc))
    return True


def _callback(header: Header, code: str, doc: Doc) -> bool:
    found = re.fullmatch(r"typedef (.+?) ?\(\*(\w+)\)\((.*)\);", code)
    if not found:
        return False
    header.callbacks.append(_function_of(header, found[1], found[2], found[3], doc))
    return True


def _function(header: Header, code: str, doc: Doc) -> bool:
    found = re.fullmatch(r"((?:const )?\w+ \**)(bitsup_\w+)\(([^()]*)\);", code)
    if not found:
        return False
    header.functions.append(_function_of(header, found[1], found[2], found[3], doc))
    return True


_PARSERS = (_constant, _opaque, _alias, _callback, _function)


def _function_of(header: Header, returns: str, name: str, parameters: str, doc: Doc) -> Function:
    split = [] if parameters == "void" else parameters.split(", ")
    return Function(name, _type(header, returns), tuple(_parameter(header, name, part) for part in split), doc)


def _parameter(header: Header, function: str, code: str) -> Parameter:
    found = re.fullmatch(r"(.+?)(\w+)", code)
    if not found or found[2] in SCALARS:
        raise HeaderError(f"{function}: parameter without a name: {code}")
    return Parameter(found[2], _type(header, found[1]))


def _type(header: Header, code: str) -> Type:
    found = re.fullmatch(r"(const )?(\w+) ?(\**)", code.strip())
    if not found or not (found[2] in ("void", "char", *SCALARS) or header.declares(found[2])):
        raise HeaderError(f"unsupported type: {code.strip()}")
    return Type(found[2], len(found[3]), bool(found[1]))
