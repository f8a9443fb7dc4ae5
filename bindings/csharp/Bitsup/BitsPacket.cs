namespace Bitsup
{
    /// <summary>What a client sent.</summary>
    public enum BitsPacket
    {
        /// <summary>None; a session ended by itself.</summary>
        None = Native.BITSUP_PACKET_NONE,

        /// <summary>Asks whether the server is there; belongs to no session.</summary>
        Ping = Native.BITSUP_PACKET_PING,

        /// <summary>Opens a session.</summary>
        Create = Native.BITSUP_PACKET_CREATE,

        /// <summary>Carries bytes of the file.</summary>
        Fragment = Native.BITSUP_PACKET_FRAGMENT,

        /// <summary>Ends a session after a complete upload.</summary>
        Close = Native.BITSUP_PACKET_CLOSE,

        /// <summary>Ends a session and discards it.</summary>
        Cancel = Native.BITSUP_PACKET_CANCEL,

        /// <summary>None, but a GET or HEAD of a reply.</summary>
        Reply = Native.BITSUP_PACKET_REPLY,
    }

    /// <summary>Why a session is gone.</summary>
    public enum SessionEnd
    {
        /// <summary>Closed after a complete upload.</summary>
        Closed = Native.BITSUP_END_CLOSED,

        /// <summary>Cancelled by the client, or ended by the host.</summary>
        Cancelled = Native.BITSUP_END_CANCELLED,

        /// <summary>Idle for too long.</summary>
        Expired = Native.BITSUP_END_EXPIRED,

        /// <summary>Closed before the upload was complete, or refused for good, or its data was lost.</summary>
        Failed = Native.BITSUP_END_FAILED,
    }
}
