"""The library's log messages in the logging module."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

import bitsup
from support import LONG

Serve = Callable[..., bitsup.Server]


@pytest.mark.behaviour("B-LOG-01")
def test_messages_have_their_level_and_logger(
    caplog: pytest.LogCaptureFixture, serve: Serve, root: Path
) -> None:
    caplog.set_level(logging.DEBUG, "bitsup")
    server = serve(users={"anna": "secret-word"})
    bitsup.upload(b"x", f"{server.url}a", credentials=("anna", "secret-word"), headers={"X-Key": "secret-key"})
    server.stop()
    names = {record.name for record in caplog.records}
    assert {"bitsup.client", "bitsup.engine", "bitsup.server"} <= names <= {f"bitsup.{one}" for one in TARGETS}
    assert {record.levelno for record in caplog.records} >= {logging.DEBUG, logging.INFO}
    assert "/a" in caplog.text and "secret" not in caplog.text and "%" not in caplog.records[0].msg[2:]


TARGETS = ("client", "engine", "server", "notify", "store")


@pytest.mark.behaviour("B-LOG-02")
def test_disabled_levels_are_not_logged(caplog: pytest.LogCaptureFixture, server: bitsup.Server) -> None:
    caplog.set_level(logging.ERROR, "bitsup")
    with bitsup.Client() as client:
        caplog.set_level(logging.DEBUG, "bitsup")
        client.job(b"x", f"{server.url}a").run()
    assert [record for record in caplog.records if record.name == "bitsup.client"] == []


def test_all_messages_are_logged_at_the_lowest_level(caplog: pytest.LogCaptureFixture, server: bitsup.Server) -> None:
    caplog.set_level(5, "bitsup")
    bitsup.upload(b"x", f"{server.url}a")
    assert min(record.levelno for record in caplog.records) >= 5


def test_nothing_is_printed_if_logging_is_not_configured(root: Path) -> None:
    code = """
import bitsup, sys
def fail(upload, verdict):
    raise LookupError("a hook that fails")
with bitsup.Server(sys.argv[1], on_create=fail) as server:
    try:
        bitsup.upload(b"x", server.url + "a", no_progress_timeout=0)
    except bitsup.PeerError as error:
        print(error.http_status)
"""
    ended = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, timeout=LONG)
    assert (ended.stdout, ended.stderr) == ("500\n", "")
