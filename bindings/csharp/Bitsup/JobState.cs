namespace Bitsup
{
    /// <summary>Where an <see cref="UploadJob"/> is.</summary>
    public enum JobState
    {
        /// <summary>Not run yet.</summary>
        Ready = Native.BITSUP_JOB_READY,

        /// <summary>Asks the server for a session.</summary>
        Connecting = Native.BITSUP_JOB_CONNECTING,

        /// <summary>Sends.</summary>
        Transferring = Native.BITSUP_JOB_TRANSFERRING,

        /// <summary>Waits before the next try.</summary>
        Waiting = Native.BITSUP_JOB_WAITING,

        /// <summary>Stopped by <see cref="UploadJob.Suspend"/>; can be run again.</summary>
        Suspended = Native.BITSUP_JOB_SUSPENDED,

        /// <summary>The server has the whole file; its reply is being fetched.</summary>
        FetchingReply = Native.BITSUP_JOB_FETCHING_REPLY,

        /// <summary>The server has the whole file, and its reply is where it belongs; the session is being closed.</summary>
        Transferred = Native.BITSUP_JOB_TRANSFERRED,

        /// <summary>Complete.</summary>
        Closed = Native.BITSUP_JOB_CLOSED,

        /// <summary>Cancelled.</summary>
        Cancelled = Native.BITSUP_JOB_CANCELLED,

        /// <summary>Failed; can be run again when the error was transient.</summary>
        Failed = Native.BITSUP_JOB_FAILED,
    }
}
