namespace Bitsup
{
    /// <summary>What survives a power failure.</summary>
    public enum Durability
    {
        /// <summary>A power failure may lose everything that the operating system has not written yet.</summary>
        None = Native.BITSUP_DURABILITY_NONE,

        /// <summary>Delivered files survive a power failure; unfinished uploads may not. The default.</summary>
        File = Native.BITSUP_DURABILITY_FILE,

        /// <summary>Every acknowledged fragment survives a power failure.</summary>
        Fragment = Native.BITSUP_DURABILITY_FRAGMENT,
    }

    /// <summary>How an application is notified of complete uploads over HTTP.</summary>
    public enum NotifyKind
    {
        /// <summary>
        /// The application receives the paths of the file and of the reply to write. It must run on the same machine.
        /// </summary>
        ByReference = Native.BITSUP_NOTIFY_BY_REFERENCE,

        /// <summary>The application receives the file in the request and returns the reply in the response.</summary>
        ByValue = Native.BITSUP_NOTIFY_BY_VALUE,
    }

    /// <summary>How a fragment that starts before the next expected byte is handled.</summary>
    public enum OverlapPolicy
    {
        /// <summary>Only the new bytes are stored. The default.</summary>
        Trim = Native.BITSUP_OVERLAP_TRIM,

        /// <summary>The fragment is rejected with 416.</summary>
        Reject = Native.BITSUP_OVERLAP_REJECT,
    }

    /// <summary>When received files become visible.</summary>
    public enum FinalizeOn
    {
        /// <summary>After the last byte, before the response is sent. The default.</summary>
        LastFragment = Native.BITSUP_FINALIZE_LAST_FRAGMENT,

        /// <summary>When the client closes the session, before the response is sent.</summary>
        Close = Native.BITSUP_FINALIZE_CLOSE,
    }
}
