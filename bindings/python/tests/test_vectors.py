"""The vectors of the protocol, through engines inside other HTTP servers, and over a store written in Python."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

import bitsup
from hosts import HOSTS, Host
from memory import Memory
from support import LONG
from vector_cases import Case, cases
from vector_world import Directory, World

CASES = cases()

PIECES = "it hands over the body, or a buffer of it, when it is whole; what a lost connection brought before is lost"
FRAMING = "an application of WSGI cannot close the connection; the server knows where the next request begins"

#: What a server does otherwise than bitsup's own, by the place of the case, and why. Such a case must fail there.
OTHERWISE: Dict[str, Dict[str, str]] = {
    "waitress": {
        "fragment.txt:288": PIECES,
        "fragment.txt:424": PIECES,
        "general.txt:60": FRAMING,
        "general.txt:68": FRAMING,
        "general.txt:87": "it takes chunked bodies apart, and waits for their end",
    },
    "cheroot": {
        "create.txt:125": "it refuses a target of two slashes by itself, in plain text",
        "create.txt:193": "it refuses an absolute target by itself, in plain text",
        "fragment.txt:288": PIECES,
        "fragment.txt:424": PIECES,
        "general.txt:60": FRAMING,
        "general.txt:68": FRAMING,
        "general.txt:87": FRAMING,
    },
    "uvicorn": {},
}


def out_of_reach(case: Case, mode: str) -> Optional[str]:
    """Why a case cannot be run so, whatever the server."""
    return next(
        (
            reason
            for applies, reason in (
                (case.says("wait", "tick"), "the clock of the engine goes by itself"),
                (case.says("uploads"), "the C interface does not switch uploads off"),
                ("engine" in case.only, "the request names its user, or is none that a socket could carry"),
                ("memory" in case.only and mode != "store", "is about stores without files"),
                ("dir" in case.only and mode == "store", "is about directories"),
                ("store-size" in case.settings, "is about the store in memory"),
            )
            if applies
        ),
        None,
    )


def within_reach(mode: str) -> List[Any]:
    return [pytest.param(case, id=case.origin) for case in CASES if out_of_reach(case, mode) is None]


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


def through(host: Host) -> Callable[[Any, Dict[str, Any]], Tuple[int, Callable[[], None]]]:
    """Engines for one case after the other, behind a server that goes on."""

    def start(root: Any, options: Dict[str, Any]) -> Tuple[int, Callable[[], None]]:
        engine = opened(root, options)
        host.mount(engine)
        return host.port, engine.close

    return start


def opened(root: Any, options: Dict[str, Any]) -> bitsup.Engine:
    """An engine, as soon as the last request to the one before has let go of the root."""
    deadline = time.monotonic() + LONG
    while True:
        try:
            return bitsup.Engine(root, durability="none", **options)
        except bitsup.UsageError:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def own(root: Any, options: Dict[str, Any]) -> Tuple[int, Callable[[], None]]:
    server = bitsup.Server(root, **options)
    return server.port, server.stop


@pytest.mark.behaviour("B-EMBED-01")
@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("case", within_reach("dir"))
def test_a_vector_goes_through_the_server_of_somebody_else(
    case: Case, name: str, hosts: Callable[[str], Host], root: Path
) -> None:
    if case.origin not in OTHERWISE[name]:
        World(case, Directory(root), through(hosts(name))).run()
    else:
        with pytest.raises((AssertionError, OSError)):
            World(case, Directory(root), through(hosts(name)), patience=1).run()


@pytest.mark.behaviour("B-STORE-01")
@pytest.mark.parametrize("case", within_reach("store"))
def test_a_vector_goes_over_a_store_written_in_python(case: Case) -> None:
    World(case, Memory(), own).run()


def test_most_of_the_vectors_are_run() -> None:
    assert len(within_reach("dir")) > 130 and len(within_reach("store")) > 120
    assert {origin for table in OTHERWISE.values() for origin in table} <= {case.origin for case in CASES}
