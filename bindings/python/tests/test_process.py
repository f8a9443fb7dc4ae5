"""Process-wide behavior: exit, fork, subinterpreters and the GIL."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import List

import pytest

import bitsup
from support import LONG

#: Seconds within which a process must end after the last line of its program.
EXIT = 1.0


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=LONG, check=False
    )


def exits_soon(code: str, *arguments: str) -> None:
    # The monotonic clock is the same in all processes.
    ended = run(f"{code}\nimport time; print(time.monotonic())", *arguments)
    now = time.monotonic()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert now - float(ended.stdout) < EXIT


def test_a_program_exits_with_a_running_server(root: Path) -> None:
    exits_soon("import bitsup, sys; server = bitsup.Server(sys.argv[1], on_request=lambda *_: None)", str(root))


def test_a_program_exits_during_an_upload_to_its_own_server(root: Path) -> None:
    code = """
import bitsup, sys, threading
there = threading.Event()
server = bitsup.Server(sys.argv[1], on_request=lambda *_: there.set(), on_progress=lambda *_: None)
client = bitsup.Client(rate_limit=20_000, fragment_size=5_000)
job = client.job(bytes(1_000_000), f"{server.url}a", progress=lambda *_: there.set(), on_state=lambda *_: None)
def work():
    try:
        job.run()
    except bitsup.BitsError:
        pass
threading.Thread(target=work, daemon=True).start()
there.wait()
"""
    exits_soon(code, str(root))


def test_a_program_exits_with_an_embedded_engine_and_logging() -> None:
    code = """
import bitsup, bitsup.wsgi, logging, threading
from waitress.server import create_server
logging.basicConfig(level=5, filename="/dev/null")
there, never = threading.Event(), threading.Event()
engine = bitsup.Engine(bitsup.MemoryStore(1000), on_received=lambda *_: (there.set(), never.wait()))
http = create_server(bitsup.wsgi.app(engine), listen="127.0.0.1:0")
threading.Thread(target=http.run, daemon=True).start()
job = bitsup.Client().job(b"x", f"http://127.0.0.1:{http.effective_port}/a")
threading.Thread(target=job.run, daemon=True).start()
threading.excepthook = lambda *_: None
there.wait()
"""
    exits_soon(code)


def test_a_program_exits_while_daemon_threads_wait_for_a_silent_server() -> None:
    code = """
import bitsup, socket, sys, threading
silent = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
client = bitsup.Client(response_timeout=60)
job = client.job(b"x", url, on_state=lambda *_: None)
for wait in (job.run, lambda: client.ping(url)):
    threading.Thread(target=wait, daemon=True).start()
    silent.accept()
threading.excepthook = lambda *_: None
"""
    exits_soon(code)


def test_a_program_exits_with_unreferenced_objects_and_cycles(root: Path) -> None:
    code = """
import bitsup, sys
bitsup.Server(sys.argv[1], on_end=lambda *_: None)
job = bitsup.Client().job(b"x", "http://127.0.0.1:1/a", progress=lambda *_: None)
cycle = [job]; cycle.append(cycle); job.cycle = cycle
"""
    exits_soon(code, str(root))


def test_the_gil_is_released_while_a_call_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        ended = threading.Event()
        counts: List[int] = []

        def count() -> None:
            counted = 0
            while not ended.is_set():
                counted += 1
            counts.append(counted)

        counting = threading.Thread(target=count)
        client = bitsup.Client(response_timeout=0.3, no_progress_timeout=0)
        job = client.job(b"x", url)
        counting.start()
        # Not on the main thread, which would have a helper thread make the call.
        running = threading.Thread(target=lambda: pytest.raises(bitsup.NetworkError, job.run))
        running.start()
        running.join()
        ended.set()
        counting.join()
    # With the GIL held it would only count for a few milliseconds before and after the call.
    assert counts[0] > 100_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_cannot_use_objects_of_its_parent(root: Path) -> None:
    code = """
import bitsup, os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
server = bitsup.Server(sys.argv[1])
job = bitsup.Client().job(b"x", f"{server.url}a")
url = f"{server.url}b"
pid = os.fork()
if pid == 0:
    for use in (job.run, server.stop, lambda: server.url):
        try:
            use()
            print("no error")
        except bitsup.UsageError as error:
            print(error.status, error)
    bitsup.upload(b"of the child", url)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
job.run()
"""
    ended = run(code, str(root))
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert len(lines) == 3 and all(line.startswith("104 ") and "fork" in line for line in lines), lines
    assert (root / "b").read_bytes() == b"of the child" and (root / "a").exists()


def test_a_subinterpreter_is_rejected() -> None:
    code = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
refusal = "try: import bitsup\\nexcept ImportError as error: print(error, flush=True)"
print(interpreters.run_string(other, f"import sys; sys.path[:] = {__import__('sys').path!r}\\n{refusal}") or "", end="")
interpreters.destroy(other)
"""
    ended = run(code)
    assert ended.stdout == "bitsup works in the main interpreter only, not in subinterpreters\n", ended.stderr


@pytest.mark.parametrize("has_gil", [True, False])
def test_an_interpreter_without_the_gil_is_rejected(has_gil: bool) -> None:
    code = f"""
import sys
sys._is_gil_enabled = lambda: {has_gil}
try: import bitsup
except ImportError as error: print(error)
"""
    refusal = "bitsup requires the GIL: start Python with -X gil=1 or PYTHON_GIL=1\n"
    assert run(code).stdout == ("" if has_gil else refusal)


def test_the_import_starts_no_threads() -> None:
    ended = run("import threading, bitsup; print(threading.active_count(), len(bitsup.__version__.split('.')))")
    assert ended.stdout == "1 3\n"
