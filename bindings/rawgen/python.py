"""The raw layer of the Python package: constants, types of callbacks, and a prototype for every function."""

from __future__ import annotations

from typing import Iterator

from .header import Doc, Function, Header, HeaderError, Type

OUTPUT = "python/bitsup/_raw.py"

WIDTH = 120

HEAD = '''"""What include/bitsup.h declares, for ctypes. Written by bindings/generate.py; do not edit.

Handles are addresses. Text that the library lends arrives as bytes; what the caller has to free as an address.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional
'''

LIBRARY = '''

class Library:
    """The exported functions. Raises AttributeError when the shared library lacks one."""

    def __init__(self, library: ctypes.CDLL) -> None:
        def bind(name: str, result: Any, *arguments: Any) -> Any:
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
            return function

'''

SCALARS = {
    "int32_t": "ctypes.c_int32",
    "uint8_t": "ctypes.c_uint8",
    "uint16_t": "ctypes.c_uint16",
    "uint32_t": "ctypes.c_uint32",
    "uint64_t": "ctypes.c_uint64",
    "size_t": "ctypes.c_size_t",
}


def render(header: Header) -> str:
    """The whole module."""
    lines = [HEAD]
    for constant in header.constants:
        lines += comment(constant.doc, "")
        lines.append(f"{short(constant.name)} = {constant.value}")
    lines.append("")
    for callback in header.callbacks:
        lines += comment(callback.doc, "")
        types = [ctype(header, callback.returns, callback)]
        types += [callback_argument(header, parameter.type, callback) for parameter in callback.parameters]
        hints = ", ".join(callback_hint(parameter.type) for parameter in callback.parameters)
        decorator = f"Callable[[Callable[[{hints}], {hint(header, callback.returns)}]], Any]"
        lines += call(f"{short(callback.name)}: {decorator} = ctypes.CFUNCTYPE(", types, "")
    lines.append(LIBRARY.rstrip("\n") + "\n")
    for function in header.functions:
        lines += bound(header, function)
    return "\n".join(lines) + "\n"


def bound(header: Header, function: Function) -> Iterator[str]:
    """The attribute of Library that calls a function."""
    indent = " " * 8
    yield from comment(function.doc, indent)
    hints = ", ".join(hint(header, parameter.type) for parameter in function.parameters)
    types = [f'"{function.name}"', ctype(header, function.returns, function)]
    types += [argument(header, parameter.type, function) for parameter in function.parameters]
    result = hint(header, function.returns)
    yield from call(f"{indent}self.{function.name}: Callable[[{hints}], {result}] = bind(", types, indent)


def call(opening: str, arguments: "list[str]", indent: str) -> "list[str]":
    """A call on one line or, where that is too long, with one argument per line."""
    line = f"{opening}{', '.join(arguments)})"
    if len(line) <= WIDTH:
        return [line]
    return [opening, *(f"{indent}    {one}," for one in arguments), f"{indent})"]


def comment(doc: Doc, indent: str) -> "list[str]":
    """The first sentence, as far as it fits on a line; the header has the rest."""
    text = f"{indent}#: {doc.summary}"
    return [text if len(text) <= WIDTH else f"{text[: WIDTH - 4].rsplit(' ', 1)[0]} ..."]


def short(name: str) -> str:
    """BITSUP_E_IO is E_IO, bitsup_progress_fn is progress_fn."""
    return name.split("_", 1)[1]


def ctype(header: Header, kind: Type, function: Function) -> str:
    """What a function gives back, or takes by value."""
    name = header.resolve(kind.name)
    if kind.pointers == 0 and (name == "void" or name in SCALARS):
        return SCALARS.get(name, "None")
    if kind.pointers == 1 and name == "char":
        # Lent text may be copied at once. Text to free must not be: its address would be lost.
        return "ctypes.c_char_p" if kind.const else "ctypes.c_void_p"
    if kind.pointers == 1 and (header.is_opaque(name) or name in ("void", "uint8_t")):
        return "ctypes.c_void_p"
    raise HeaderError(f"{function.name}: {kind} has no counterpart in ctypes yet")


def argument(header: Header, kind: Type, function: Function) -> str:
    """What a function takes."""
    if header.is_callback(kind.name) and kind.pointers == 0:
        return short(kind.name)
    name = header.resolve(kind.name)
    if kind.pointers == 2:
        return "ctypes.POINTER(ctypes.c_void_p)"
    if kind.pointers == 1 and name in SCALARS and name != "uint8_t":
        return f"ctypes.POINTER({SCALARS[name]})"
    return ctype(header, kind, function)


def callback_argument(header: Header, kind: Type, function: Function) -> str:
    """What a callback is handed. Text comes as an address, for it may have a length instead of an end."""
    if kind.pointers == 1 and kind.name == "char":
        return "ctypes.c_void_p"
    return argument(header, kind, function)


def callback_hint(kind: Type) -> str:
    """The type of what a callback is handed, in annotations."""
    return "int" if kind.pointers == 0 else "Any"


def hint(header: Header, kind: Type) -> str:
    """The type in annotations."""
    if kind.pointers == 0 and not header.is_callback(kind.name):
        return "None" if kind.name == "void" else "int"
    if kind.pointers == 1 and kind.name == "char" and kind.const:
        return "Optional[bytes]"
    return "Any"
