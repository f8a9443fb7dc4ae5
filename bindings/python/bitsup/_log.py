"""What the library says, for the module logging: loggers "bitsup.client", "bitsup.engine", "bitsup.server"."""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Dict

from . import _exit, _raw
from ._callback import destroy, slab
from ._handle import Owned
from ._load import lib

#: Below DEBUG: everything. logging has no name for it.
TRACE = 5

_LEVELS: Dict[int, int] = {
    _raw.LOG_ERROR: logging.ERROR,
    _raw.LOG_WARN: logging.WARNING,
    _raw.LOG_INFO: logging.INFO,
    _raw.LOG_DEBUG: logging.DEBUG,
    _raw.LOG_TRACE: TRACE,
}

# Without it warnings of programs that do not configure logging would appear on their stderr.
logging.getLogger("bitsup").addHandler(logging.NullHandler())


def attached(*targets: str) -> Owned:
    """A logger of the library for these of its parts. What nobody would see now is not asked for, for it costs time."""
    effective = min(logging.getLogger(f"bitsup.{target}").getEffectiveLevel() for target in targets)
    wanted = [level for level, counterpart in _LEVELS.items() if counterpart >= effective]
    made = lib.bitsup_logger_new(_say, max(wanted, default=_raw.LOG_ERROR), slab.keep(None), destroy)
    return Owned(made, lib.bitsup_logger_free)


@_raw.log_fn
def _say(_user_data: Any, level: int, target: Any, message: Any, length: int) -> None:
    if not _exit.exiting():
        logger = logging.getLogger(f"bitsup.{ctypes.string_at(target).decode()}")
        logger.log(_LEVELS.get(level, logging.ERROR), "%s", ctypes.string_at(message, length).decode(errors="replace"))
