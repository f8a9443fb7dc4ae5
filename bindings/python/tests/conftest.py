"""What the tests share: servers over temporary roots, and the ids of the behaviours in the output."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import bitsup

#: Within this a call has to end that was told to; the library promises 250 ms.
SOON = 0.25
#: Longer than any test takes.
LONG = 30.0


def pytest_itemcollected(item: pytest.Item) -> None:
    """Names the behaviours of a test behind its name: `pytest -v` shows them."""
    ids = [one for mark in item.iter_markers("behaviour") for one in mark.args]
    if ids:
        item._nodeid += f" [{' '.join(ids)}]"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def serve(root: Path) -> Iterator[Callable[..., bitsup.Server]]:
    """Starts servers, and stops them after the test."""
    started: List[bitsup.Server] = []

    def start(listen: str = "127.0.0.1:0", **options: Any) -> bitsup.Server:
        started.append(bitsup.Server(root, listen, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., bitsup.Server]) -> bitsup.Server:
    return serve()


def deferred(condition: threading.Event, act: Callable[[], object]) -> "Timed":
    """Does something on a thread of its own once the condition is met."""
    return Timed(condition, act)


class Timed:
    """Notes when it acted."""

    def __init__(self, condition: threading.Event, act: Callable[[], object]) -> None:
        self._condition = condition
        self._act = act
        self._at = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        if self._condition.wait(LONG):
            self._at = time.monotonic()
            self._act()

    def elapsed(self) -> float:
        """Seconds from then to now."""
        now = time.monotonic()
        self._thread.join(LONG)
        assert self._at, "the condition was never met"
        return now - self._at
