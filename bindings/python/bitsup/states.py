"""The enumerations of the C interface that are part of the public interface."""

from __future__ import annotations

import enum

from . import _raw


class JobState(enum.IntEnum):
    """The state of a job."""

    #: Not started.
    READY = _raw.JOB_READY
    #: Creating a session on the server.
    CONNECTING = _raw.JOB_CONNECTING
    #: Sending the file.
    TRANSFERRING = _raw.JOB_TRANSFERRING
    #: Waiting before the next attempt.
    WAITING = _raw.JOB_WAITING
    #: Stopped by `suspend`; can be resumed.
    SUSPENDED = _raw.JOB_SUSPENDED
    #: The server has the whole file; the reply is being downloaded.
    FETCHING_REPLY = _raw.JOB_FETCHING_REPLY
    #: The server has the whole file, and the reply, if any, is downloaded; the session is still open.
    TRANSFERRED = _raw.JOB_TRANSFERRED
    #: Complete: the session is closed.
    CLOSED = _raw.JOB_CLOSED
    #: Cancelled; cannot be run again.
    CANCELLED = _raw.JOB_CANCELLED
    #: Failed; running it again may succeed if the error was transient.
    FAILED = _raw.JOB_FAILED


class Packet(enum.IntEnum):
    """The packet that caused the call of a hook."""

    #: No packet: a session expired or was ended by the host application.
    NONE = _raw.PACKET_NONE
    #: Tests whether the server accepts uploads.
    PING = _raw.PACKET_PING
    #: Creates a session.
    CREATE = _raw.PACKET_CREATE
    #: Contains bytes of the file.
    FRAGMENT = _raw.PACKET_FRAGMENT
    #: Ends a session after a complete upload.
    CLOSE = _raw.PACKET_CLOSE
    #: Cancels a session and discards what it received.
    CANCEL = _raw.PACKET_CANCEL
    #: Not a packet, but a GET or HEAD request for a reply.
    REPLY = _raw.PACKET_REPLY


class EndReason(enum.IntEnum):
    """Why a session ended."""

    #: Closed after a complete upload.
    CLOSED = _raw.END_CLOSED
    #: Cancelled by the client, or ended by the host application.
    CANCELLED = _raw.END_CANCELLED
    #: Idle for too long.
    EXPIRED = _raw.END_EXPIRED
    #: Closed before the upload was complete, rejected permanently, or its data was lost.
    FAILED = _raw.END_FAILED


class Context(enum.IntEnum):
    """Where a failure occurred on the server's side."""

    #: In the BITS server.
    SERVER = _raw.CONTEXT_SERVER
    #: In the application behind it.
    APPLICATION = _raw.CONTEXT_APPLICATION
