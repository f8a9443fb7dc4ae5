"""What the tests share: servers over temporary roots, and the ids of the behaviours in the output."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import bitsup

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
