"""Where the package works: in the main interpreter, under its lock. Imported first, for ctypes fails in its own words."""

import sys


def refuse_subinterpreter() -> None:
    """ctypes hands every callback to the main interpreter, so in another one callbacks would see foreign objects."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = __import__(name)
        except ImportError:
            continue
        # Newer versions answer with a tuple that begins with the number.
        current, main = interpreters.get_current(), interpreters.get_main()
        if current != main:
            raise ImportError("bitsup works in the main interpreter only, not in subinterpreters")
        return


def refuse_free_threading() -> None:
    """The tables of callbacks and of what is running rely on the interpreter's lock between two of their steps."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise ImportError("bitsup needs the interpreter's lock: start Python with -X gil=1 or PYTHON_GIL=1")


refuse_subinterpreter()
refuse_free_threading()
