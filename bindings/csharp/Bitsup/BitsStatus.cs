namespace Bitsup
{
    /// <summary>The kind of failure of a <see cref="BitsException"/>.</summary>
    public enum BitsStatus
    {
        /// <summary>A required pointer is NULL.</summary>
        NullArgument = Native.BITSUP_E_NULL_ARGUMENT,

        /// <summary>An argument is malformed or out of range.</summary>
        InvalidArgument = Native.BITSUP_E_INVALID_ARGUMENT,

        /// <summary>A text is not valid UTF-8.</summary>
        InvalidUtf8 = Native.BITSUP_E_INVALID_UTF8,

        /// <summary>The object is in the wrong state for this call.</summary>
        InvalidState = Native.BITSUP_E_INVALID_STATE,

        /// <summary>The object is in use by another call.</summary>
        Busy = Native.BITSUP_E_BUSY,

        /// <summary>Not supported by this build or this platform.</summary>
        Unsupported = Native.BITSUP_E_UNSUPPORTED,

        /// <summary>A local I/O error occurred.</summary>
        IO = Native.BITSUP_E_IO,

        /// <summary>A local file does not exist.</summary>
        NotFound = Native.BITSUP_E_NOT_FOUND,

        /// <summary>The local system denied access.</summary>
        Denied = Native.BITSUP_E_DENIED,

        /// <summary>The local disk or store is full.</summary>
        NoSpace = Native.BITSUP_E_NO_SPACE,

        /// <summary>The source changed during the upload.</summary>
        SourceChanged = Native.BITSUP_E_SOURCE_CHANGED,

        /// <summary>The host name could not be resolved.</summary>
        Resolve = Native.BITSUP_E_RESOLVE,

        /// <summary>The connection could not be established.</summary>
        Connect = Native.BITSUP_E_CONNECT,

        /// <summary>The TLS handshake failed.</summary>
        Tls = Native.BITSUP_E_TLS,

        /// <summary>A timeout expired.</summary>
        Timeout = Native.BITSUP_E_TIMEOUT,

        /// <summary>The connection was lost.</summary>
        Disconnected = Native.BITSUP_E_DISCONNECTED,

        /// <summary>The peer violated the protocol.</summary>
        Protocol = Native.BITSUP_E_PROTOCOL,

        /// <summary>The peer returned an HTTP error.</summary>
        HttpStatus = Native.BITSUP_E_HTTP_STATUS,

        /// <summary>The server reported an error with an HRESULT.</summary>
        ServerFault = Native.BITSUP_E_SERVER_FAULT,

        /// <summary>The server does not know the session.</summary>
        SessionNotFound = Native.BITSUP_E_SESSION_NOT_FOUND,

        /// <summary>Client and server disagree about the offset.</summary>
        Range = Native.BITSUP_E_RANGE,

        /// <summary>A limit of the server was exceeded.</summary>
        TooLarge = Native.BITSUP_E_TOO_LARGE,

        /// <summary>The job was cancelled.</summary>
        Cancelled = Native.BITSUP_E_CANCELLED,

        /// <summary>The job was suspended.</summary>
        Suspended = Native.BITSUP_E_SUSPENDED,

        /// <summary>A callback stopped the call.</summary>
        Callback = Native.BITSUP_E_CALLBACK,

        /// <summary>A bug in the library. The object that the call used is no longer usable.</summary>
        Panic = Native.BITSUP_E_PANIC,
    }

    /// <summary>The class of a <see cref="BitsStatus"/>, given by its hundreds digit.</summary>
    public enum BitsStatusClass
    {
        /// <summary>The library was called incorrectly.</summary>
        Usage = 1,

        /// <summary>The local system failed.</summary>
        Local = 2,

        /// <summary>The network failed.</summary>
        Network = 3,

        /// <summary>The peer rejected the request, failed, or violated the protocol.</summary>
        Peer = 4,

        /// <summary>The call was stopped on request, not by an error.</summary>
        Stopped = 5,

        /// <summary>A bug in the library.</summary>
        Internal = 9,
    }

    /// <summary>Where a failure occurred on the server's side.</summary>
    public enum BitsErrorContext : uint
    {
        /// <summary>Not specified.</summary>
        None = 0,

        /// <summary>In the server itself.</summary>
        Server = Native.BITSUP_CONTEXT_SERVER,

        /// <summary>In the application behind the server.</summary>
        Application = Native.BITSUP_CONTEXT_APPLICATION,
    }
}
