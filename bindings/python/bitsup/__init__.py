"""Client and server for the BITS Upload Protocol: resumable uploads to BITS servers, and a server for BITS clients.

    bitsup.upload("report.pdf", "https://server/incoming/report.pdf")

Calls that communicate with a server block and can be interrupted by signals; `bitsup.aio` has them for asyncio. No call
holds the GIL while it waits. In a child process of `os.fork`, objects of the parent raise UsageError; create new ones.
"""

from __future__ import annotations

from . import _interpreter as _interpreter
from ._credentials import AuthRequest, Credentials, CredentialsCallback
from ._load import lib as _lib
from ._observer import OnProgress, OnReplyProgress, OnRetry, OnState
from ._source import Source
from .client import Client, Job, Progress, UploadResult, upload
from .engine import Engine, Tick
from .errors import (
    BitsError,
    CancelledError,
    InternalError,
    LocalError,
    NetworkError,
    PeerError,
    StoppedError,
    SuspendedError,
    UsageError,
)
from .hooks import DecideHook, EndHook, ProgressHook, Upload, Verdict
from .options import ClientOptions, EngineOptions, ServerOptions
from .server import Server
from .states import Context, EndReason, JobState, Packet
from .store import DestinationState, MemoryStore, Part, Store, StoredSession

#: The version of the loaded shared library.
__version__ = (_lib.bitsup_version_string() or b"").decode()

__all__ = [
    "AuthRequest",
    "BitsError",
    "CancelledError",
    "Client",
    "ClientOptions",
    "Context",
    "Credentials",
    "CredentialsCallback",
    "DecideHook",
    "DestinationState",
    "EndHook",
    "EndReason",
    "Engine",
    "EngineOptions",
    "InternalError",
    "Job",
    "JobState",
    "LocalError",
    "MemoryStore",
    "NetworkError",
    "OnProgress",
    "OnReplyProgress",
    "OnRetry",
    "OnState",
    "Packet",
    "Part",
    "PeerError",
    "Progress",
    "ProgressHook",
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
