namespace Bitsup
{
    /// <summary>The state of an <see cref="UploadJob"/>.</summary>
    public enum JobState
    {
        /// <summary>Not run yet.</summary>
        Ready = Native.BITSUP_JOB_READY,

        /// <summary>Requesting a session from the server.</summary>
        Connecting = Native.BITSUP_JOB_CONNECTING,

        /// <summary>Sending.</summary>
        Transferring = Native.BITSUP_JOB_TRANSFERRING,

        /// <summary>Waiting before the next attempt.</summary>
        Waiting = Native.BITSUP_JOB_WAITING,

        /// <summary>Suspended by <see cref="UploadJob.Suspend"/>; can be run again.</summary>
        Suspended = Native.BITSUP_JOB_SUSPENDED,

        /// <summary>The server has the whole file; the reply is being downloaded.</summary>
        FetchingReply = Native.BITSUP_JOB_FETCHING_REPLY,

        /// <summary>The server has the whole file, and the reply, if any, is downloaded; the session is still open.</summary>
        Transferred = Native.BITSUP_JOB_TRANSFERRED,

        /// <summary>Complete.</summary>
        Closed = Native.BITSUP_JOB_CLOSED,

        /// <summary>Cancelled.</summary>
        Cancelled = Native.BITSUP_JOB_CANCELLED,

        /// <summary>Failed; running it again may succeed if the error was transient.</summary>
        Failed = Native.BITSUP_JOB_FAILED,
    }
}
