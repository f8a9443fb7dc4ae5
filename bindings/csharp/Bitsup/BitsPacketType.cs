namespace Bitsup
{
    /// <summary>The type of a packet.</summary>
    public enum BitsPacketType
    {
        /// <summary>No packet: the session ended without one.</summary>
        None = Native.BITSUP_PACKET_NONE,

        /// <summary>Checks whether the server is available; belongs to no session.</summary>
        Ping = Native.BITSUP_PACKET_PING,

        /// <summary>Opens a session.</summary>
        Create = Native.BITSUP_PACKET_CREATE,

        /// <summary>Carries bytes of the file.</summary>
        Fragment = Native.BITSUP_PACKET_FRAGMENT,

        /// <summary>Ends a session after a complete upload.</summary>
        Close = Native.BITSUP_PACKET_CLOSE,

        /// <summary>Ends a session and discards it.</summary>
        Cancel = Native.BITSUP_PACKET_CANCEL,

        /// <summary>Not a packet, but the GET or HEAD of a reply.</summary>
        Reply = Native.BITSUP_PACKET_REPLY,
    }

    /// <summary>Why a session ended.</summary>
    public enum SessionEndReason
    {
        /// <summary>The client closed it after a complete upload.</summary>
        Closed = Native.BITSUP_END_CLOSED,

        /// <summary>It was cancelled by the client or ended by the host application.</summary>
        Cancelled = Native.BITSUP_END_CANCELLED,

        /// <summary>It expired.</summary>
        Expired = Native.BITSUP_END_EXPIRED,

        /// <summary>It was closed before the upload was complete, it was rejected permanently, or its data was lost.</summary>
        Failed = Native.BITSUP_END_FAILED,
    }
}
