"""Runs the test vectors of the protocol with engines in other HTTP servers, and with a store written in Python."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

import bitsup
from hosts import HOSTS, Host
from memory import DictStore
from support import LONG
from vector_cases import Case, cases
from vector_runner import Directory, VectorRunner

CASES = cases()

BUFFERED = "it buffers the body, so the bytes received before a lost connection are lost"
FRAMING = "a WSGI application cannot close the connection; the server handles framing itself"

#: The cases in which a server differs from bitsup's own, and why. These cases must fail with it.
DIFFERENCES: Dict[str, Dict[str, str]] = {
    "waitress": {
        "fragment.txt:288": BUFFERED,
        "fragment.txt:424": BUFFERED,
        "general.txt:60": FRAMING,
        "general.txt:68": FRAMING,
        "general.txt:87": "it decodes chunked bodies and waits for their end",
    },
    "cheroot": {
        "create.txt:125": "it rejects a target of two slashes itself, with a plain text response",
        "create.txt:193": "it rejects an absolute target itself, with a plain text response",
        "fragment.txt:288": BUFFERED,
        "fragment.txt:424": BUFFERED,
        "general.txt:60": FRAMING,
        "general.txt:68": FRAMING,
        "general.txt:87": FRAMING,
    },
    "uvicorn": {},
}


def exclusion(case: Case, mode: str) -> Optional[str]:
    """Returns why a case cannot be run in this mode with any server; None if it can."""
    return next(
        (
            reason
            for applies, reason in (
                (case.says("wait", "tick"), "the clock of the engine cannot be set"),
                (case.says("uploads"), "the C interface cannot disable uploads"),
                ("engine" in case.only, "the request sets its user, or cannot be sent through a socket"),
                ("memory" in case.only and mode != "store", "tests stores without files"),
                ("dir" in case.only and mode == "store", "tests directories"),
                ("store-size" in case.settings, "tests the store in memory"),
            )
            if applies
        ),
        None,
    )


def runnable_cases(mode: str) -> List[Any]:
    return [pytest.param(case, id=case.origin) for case in CASES if exclusion(case, mode) is None]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Callable[[str], Host]]:
    running: Dict[str, Any] = {}

    def host(name: str) -> Host:
        if name not in running:
            running[name] = HOSTS[name]()
        found: Host = running[name]
        return found

    yield host
    for one in running.values():
        one.stop()


def embedded_in(host: Host) -> Callable[[Any, Dict[str, Any]], Tuple[int, Callable[[], None]]]:
    """Returns a function that mounts an engine for one case in a server that keeps running."""

    def start(root: Any, options: Dict[str, Any]) -> Tuple[int, Callable[[], None]]:
        engine = open_engine(root, options)
        host.mount(engine)
        return host.port, engine.close

    return start


def open_engine(root: Any, options: Dict[str, Any]) -> bitsup.Engine:
    """Opens an engine as soon as the last request to the previous one has released the root."""
    deadline = time.monotonic() + LONG
    while True:
        try:
            return bitsup.Engine(root, durability="none", **options)
        except bitsup.UsageError:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def own_server(root: Any, options: Dict[str, Any]) -> Tuple[int, Callable[[], None]]:
    server = bitsup.Server(root, **options)
    return server.port, server.stop


@pytest.mark.behaviour("B-EMBED-01")
@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("case", runnable_cases("dir"))
def test_a_vector_passes_in_another_http_server(
    case: Case, name: str, hosts: Callable[[str], Host], root: Path
) -> None:
    if case.origin not in DIFFERENCES[name]:
        VectorRunner(case, Directory(root), embedded_in(hosts(name))).run()
    else:
        with pytest.raises((AssertionError, OSError)):
            VectorRunner(case, Directory(root), embedded_in(hosts(name)), timeout=1).run()


@pytest.mark.behaviour("B-STORE-01")
@pytest.mark.parametrize("case", runnable_cases("store"))
def test_a_vector_passes_with_a_store_written_in_python(case: Case) -> None:
    VectorRunner(case, DictStore(), own_server).run()


def test_most_vectors_are_run() -> None:
    assert len(runnable_cases("dir")) > 130 and len(runnable_cases("store")) > 120
    assert {origin for table in DIFFERENCES.values() for origin in table} <= {case.origin for case in CASES}
