namespace Bitsup
{
    /// <summary>What survives a loss of power.</summary>
    public enum Durability
    {
        /// <summary>A loss of power may cost whatever the kernel has not written by itself.</summary>
        None = Native.BITSUP_DURABILITY_NONE,

        /// <summary>A delivered file survives a loss of power, an unfinished upload may not. The usual choice.</summary>
        File = Native.BITSUP_DURABILITY_FILE,

        /// <summary>Every acknowledged fragment survives a loss of power.</summary>
        Fragment = Native.BITSUP_DURABILITY_FRAGMENT,
    }

    /// <summary>How an application is told of complete uploads over HTTP.</summary>
    public enum NotifyKind
    {
        /// <summary>The application gets the paths of the file and of the reply to write; it is on the same machine.</summary>
        ByReference = Native.BITSUP_NOTIFY_BY_REFERENCE,

        /// <summary>The application gets the file, and answers with the reply.</summary>
        ByValue = Native.BITSUP_NOTIFY_BY_VALUE,
    }

    /// <summary>What a fragment does that begins before the next expected byte.</summary>
    public enum Overlap
    {
        /// <summary>Of a fragment that begins before the next expected byte only the new bytes are stored. Default.</summary>
        Trim = Native.BITSUP_OVERLAP_TRIM,

        /// <summary>A fragment that begins before the next expected byte is answered 416.</summary>
        Reject = Native.BITSUP_OVERLAP_REJECT,
    }

    /// <summary>When files become visible.</summary>
    public enum FinalizeOn
    {
        /// <summary>The file becomes visible with its last byte, before the answer. Default.</summary>
        LastFragment = Native.BITSUP_FINALIZE_LAST_FRAGMENT,

        /// <summary>The file becomes visible when the client closes the session, before the answer.</summary>
        Close = Native.BITSUP_FINALIZE_CLOSE,
    }
}
