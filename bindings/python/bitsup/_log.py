"""Passes the library's log messages to the logging module: loggers "bitsup.client", "bitsup.engine", "bitsup.server".
"""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Dict

from . import _exit, _raw
from ._callback import destroy, registry
from ._handle import Owned
from ._load import lib

#: The library's level below DEBUG, which the logging module does not name.
TRACE = 5

_LEVELS: Dict[int, int] = {
    _raw.LOG_ERROR: logging.ERROR,
    _raw.LOG_WARN: logging.WARNING,
    _raw.LOG_INFO: logging.INFO,
    _raw.LOG_DEBUG: logging.DEBUG,
    _raw.LOG_TRACE: TRACE,
}

# Without a handler, the warnings of programs that do not configure logging would be printed to stderr.
logging.getLogger("bitsup").addHandler(logging.NullHandler())


def native_logger(*targets: str) -> Owned:
    """Creates a logger of the library for these targets. Levels that are disabled now are not requested, to save time.
    """
    effective = min(logging.getLogger(f"bitsup.{target}").getEffectiveLevel() for target in targets)
    levels = [level for level, counterpart in _LEVELS.items() if counterpart >= effective]
    address = lib.bitsup_logger_new(_on_message, max(levels, default=_raw.LOG_ERROR), registry.add(None), destroy)
    return Owned(address, lib.bitsup_logger_free)


@_raw.log_fn
def _on_message(_user_data: Any, level: int, target: Any, message: Any, length: int) -> None:
    if not _exit.exiting():
        logger = logging.getLogger(f"bitsup.{ctypes.string_at(target).decode()}")
        logger.log(_LEVELS.get(level, logging.ERROR), "%s", ctypes.string_at(message, length).decode(errors="replace"))
