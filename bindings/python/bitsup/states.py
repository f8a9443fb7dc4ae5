"""The numbers of the C interface that users meet."""

from __future__ import annotations

import enum

from . import _raw


class JobState(enum.IntEnum):
    """Where a job is."""

    READY = _raw.JOB_READY
    #: Asks the server for a session.
    CONNECTING = _raw.JOB_CONNECTING
    #: Sends.
    TRANSFERRING = _raw.JOB_TRANSFERRING
    #: Waits before the next try.
    WAITING = _raw.JOB_WAITING
    #: Stopped by `suspend`; can be run again.
    SUSPENDED = _raw.JOB_SUSPENDED
    #: The server has the whole file; its reply is being fetched.
    FETCHING_REPLY = _raw.JOB_FETCHING_REPLY
    #: File and reply are where they belong; the session is being closed.
    TRANSFERRED = _raw.JOB_TRANSFERRED
    #: Complete.
    CLOSED = _raw.JOB_CLOSED
    CANCELLED = _raw.JOB_CANCELLED
    #: Can be run again when the error was transient.
    FAILED = _raw.JOB_FAILED


class Packet(enum.IntEnum):
    """What led to a callback of a server."""

    #: None; a session ended by itself.
    NONE = _raw.PACKET_NONE
    PING = _raw.PACKET_PING
    #: Opens a session.
    CREATE = _raw.PACKET_CREATE
    #: Carries bytes of the file.
    FRAGMENT = _raw.PACKET_FRAGMENT
    #: Ends a session after a complete upload.
    CLOSE = _raw.PACKET_CLOSE
    #: Ends a session and discards it.
    CANCEL = _raw.PACKET_CANCEL
    #: None, but a GET or HEAD of a reply.
    REPLY = _raw.PACKET_REPLY


class End(enum.IntEnum):
    """Why a session ended."""

    #: Closed after a complete upload.
    CLOSED = _raw.END_CLOSED
    #: Cancelled by the client, or ended by the host.
    CANCELLED = _raw.END_CANCELLED
    #: Idle for too long.
    EXPIRED = _raw.END_EXPIRED
    #: Closed before the upload was complete, or refused for good, or its data was lost.
    FAILED = _raw.END_FAILED


class Context(enum.IntEnum):
    """Who failed on the server's side."""

    SERVER = _raw.CONTEXT_SERVER
    APPLICATION = _raw.CONTEXT_APPLICATION
