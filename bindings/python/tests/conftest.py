"""Shared fixtures, and the ids of the behaviors in the output of the tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import bitsup

# A shell starts background jobs with SIGINT ignored, and then Python does not handle it either.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Appends the ids of its behaviors to the name of a test, as shown by `pytest -v`."""
    ids = [entry for mark in item.iter_markers("behaviour") for entry in mark.args]
    if ids:
        item._nodeid += f" [{' '.join(ids)}]"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Records a skipped test for the summary of tools/test."""
    path = os.environ.get("BITSUP_TEST_SKIPS")
    if report.skipped and path and isinstance(report.longrepr, tuple):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}: {report.longrepr[2]}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def serve(root: Path) -> Iterator[Callable[..., bitsup.Server]]:
    """Returns a function that starts a server, which is stopped after the test."""
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
