namespace Bitsup
{
    /// <summary>What kind of failure a <see cref="BitsException"/> is.</summary>
    public enum BitsStatus
    {
        /// <summary>A required pointer is NULL.</summary>
        NullArgument = Native.BITSUP_E_NULL_ARGUMENT,

        /// <summary>An argument is outside its domain.</summary>
        InvalidArgument = Native.BITSUP_E_INVALID_ARGUMENT,

        /// <summary>Text is not UTF-8.</summary>
        InvalidUtf8 = Native.BITSUP_E_INVALID_UTF8,

        /// <summary>The object is in the wrong state for this call.</summary>
        InvalidState = Native.BITSUP_E_INVALID_STATE,

        /// <summary>The object is in use by another call.</summary>
        Busy = Native.BITSUP_E_BUSY,

        /// <summary>Not supported by this build or this platform.</summary>
        Unsupported = Native.BITSUP_E_UNSUPPORTED,

        /// <summary>Reading or writing failed on this machine.</summary>
        IO = Native.BITSUP_E_IO,

        /// <summary>A file is not there.</summary>
        NotFound = Native.BITSUP_E_NOT_FOUND,

        /// <summary>Not allowed on this machine.</summary>
        Denied = Native.BITSUP_E_DENIED,

        /// <summary>No space left on this machine.</summary>
        NoSpace = Native.BITSUP_E_NO_SPACE,

        /// <summary>The source changed while it was read.</summary>
        SourceChanged = Native.BITSUP_E_SOURCE_CHANGED,

        /// <summary>The name of the host did not resolve.</summary>
        Resolve = Native.BITSUP_E_RESOLVE,

        /// <summary>No connection.</summary>
        Connect = Native.BITSUP_E_CONNECT,

        /// <summary>The TLS handshake failed.</summary>
        Tls = Native.BITSUP_E_TLS,

        /// <summary>A time limit was reached.</summary>
        Timeout = Native.BITSUP_E_TIMEOUT,

        /// <summary>The connection was lost.</summary>
        Disconnected = Native.BITSUP_E_DISCONNECTED,

        /// <summary>The peer broke the protocol.</summary>
        Protocol = Native.BITSUP_E_PROTOCOL,

        /// <summary>The peer answered with an HTTP error.</summary>
        HttpStatus = Native.BITSUP_E_HTTP_STATUS,

        /// <summary>The server reported a fault of its own, with an HRESULT.</summary>
        ServerFault = Native.BITSUP_E_SERVER_FAULT,

        /// <summary>The server does not know the session.</summary>
        SessionNotFound = Native.BITSUP_E_SESSION_NOT_FOUND,

        /// <summary>Client and server do not agree on the offset.</summary>
        Range = Native.BITSUP_E_RANGE,

        /// <summary>Over a limit of the server.</summary>
        TooLarge = Native.BITSUP_E_TOO_LARGE,

        /// <summary>Cancelled as asked.</summary>
        Cancelled = Native.BITSUP_E_CANCELLED,

        /// <summary>Suspended as asked.</summary>
        Suspended = Native.BITSUP_E_SUSPENDED,

        /// <summary>A callback asked to stop.</summary>
        Callback = Native.BITSUP_E_CALLBACK,

        /// <summary>A bug in this library; the object it struck is unusable.</summary>
        Panic = Native.BITSUP_E_PANIC,
    }

    /// <summary>The class of a <see cref="BitsStatus"/>: its hundreds.</summary>
    public enum BitsStatusClass
    {
        /// <summary>The caller did what it must not.</summary>
        Caller = 1,

        /// <summary>This machine failed.</summary>
        Machine = 2,

        /// <summary>The network failed.</summary>
        Network = 3,

        /// <summary>The peer failed.</summary>
        Peer = 4,

        /// <summary>It was asked for.</summary>
        Asked = 5,

        /// <summary>A bug in the library.</summary>
        Bug = 9,
    }

    /// <summary>Who failed on the server's side.</summary>
    public enum BitsErrorContext : uint
    {
        /// <summary>It was not said.</summary>
        None = 0,

        /// <summary>The server itself.</summary>
        Server = Native.BITSUP_CONTEXT_SERVER,

        /// <summary>The application behind it.</summary>
        Application = Native.BITSUP_CONTEXT_APPLICATION,
    }
}
