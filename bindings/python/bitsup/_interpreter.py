"""Refuses unsupported interpreters with a clear message. Imported first, before ctypes fails in less clear ways."""

import sys


def refuse_subinterpreter() -> None:
    """Raises ImportError in a subinterpreter: ctypes runs all callbacks in the main interpreter."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = __import__(name)
        except ImportError:
            continue
        # Newer versions return a tuple that begins with the number.
        current, main = interpreters.get_current(), interpreters.get_main()
        if current != main:
            raise ImportError("bitsup works in the main interpreter only, not in subinterpreters")
        return


def refuse_free_threading() -> None:
    """Raises ImportError without the GIL, which the tables of callbacks and of running calls rely on."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise ImportError("bitsup requires the GIL: start Python with -X gil=1 or PYTHON_GIL=1")


refuse_subinterpreter()
refuse_free_threading()
