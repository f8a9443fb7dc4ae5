"""The BITS Upload Protocol: resumable uploads to servers of Windows' BITS, and a server for its clients.

    bitsup.upload("report.pdf", "https://server/incoming/report.pdf")

All calls that talk to a server block and may be interrupted; `bitsup.aio` has them for asyncio. No call holds the
interpreter's lock while it waits. In a child of `os.fork` the objects of the parent answer with UsageError; make new ones.
"""

from __future__ import annotations

from . import _interpreter as _interpreter
from ._credentials import AskCredentials, AuthRequest, Credentials
from ._load import lib as _lib
from ._observer import OnProgress, OnReplyProgress, OnRetry, OnState
from ._source import Source
from .client import Client, Job, Progress, UploadResult, upload
from .engine import Engine, Tick
from .errors import (
    BitsError,
    CancelledError,
    InternalError,
    MachineError,
    NetworkError,
    PeerError,
    StoppedError,
    SuspendedError,
    UsageError,
)
from .hooks import Decide, Ended, Notify, Upload, Verdict
from .options import ClientOptions, EngineOptions, ServerOptions
from .server import Server
from .states import Context, End, JobState, Packet
from .store import MemoryStore, Part, Place, Store, StoredSession

#: The version of the shared library in use.
__version__ = (_lib.bitsup_version_string() or b"").decode()

__all__ = [
    "AskCredentials",
    "AuthRequest",
    "BitsError",
    "CancelledError",
    "Client",
    "ClientOptions",
    "Context",
    "Credentials",
    "Decide",
    "End",
    "Ended",
    "Engine",
    "EngineOptions",
    "InternalError",
    "Job",
    "JobState",
    "MachineError",
    "MemoryStore",
    "NetworkError",
    "Notify",
    "OnProgress",
    "OnReplyProgress",
    "OnRetry",
    "OnState",
    "Packet",
    "Part",
    "PeerError",
    "Place",
    "Progress",
    "Server",
    "ServerOptions",
    "Source",
    "StoppedError",
    "Store",
    "StoredSession",
    "SuspendedError",
    "Tick",
    "Upload",
    "UploadResult",
    "UsageError",
    "Verdict",
    "upload",
]
