"""Where the package works: in the main interpreter. Imported first, for ctypes fails in its own words elsewhere."""


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


refuse_subinterpreter()
