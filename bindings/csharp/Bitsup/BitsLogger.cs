using System;

namespace Bitsup
{
    /// <summary>The severity of a log message.</summary>
    public enum BitsLogLevel
    {
        /// <summary>A failure of the library or the local machine that needs attention.</summary>
        Error = Native.BITSUP_LOG_ERROR,

        /// <summary>Something unexpected that the library handled.</summary>
        Warning = Native.BITSUP_LOG_WARN,

        /// <summary>One message per session event. The default.</summary>
        Information = Native.BITSUP_LOG_INFO,

        /// <summary>One message per packet.</summary>
        Debug = Native.BITSUP_LOG_DEBUG,

        /// <summary>Everything.</summary>
        Trace = Native.BITSUP_LOG_TRACE,
    }

    /// <summary>
    /// Receives log messages: the level, the component of the library ("client", "engine", "server" or "notify"), and the text.
    /// Messages never contain passwords, tokens or the values of added header fields. They do contain URLs and session ids.
    /// </summary>
    /// <remarks>
    /// The delegate runs on every thread that calls the library and on the threads of servers, concurrently. An exception that
    /// it throws is thrown by the call that logged; on a thread of a server it goes to <see cref="System.Diagnostics.Trace"/>.
    /// </remarks>
    public sealed class BitsLogger
    {
        /// <summary>Initializes a logger.</summary>
        /// <param name="write">Receives the level, the component and the text.</param>
        /// <param name="level">The least severe level to log.</param>
        public BitsLogger(Action<BitsLogLevel, string, string> write, BitsLogLevel level = BitsLogLevel.Information)
        {
            Write = write ?? throw new ArgumentNullException(nameof(write));
            Level = level;
        }

        /// <summary>The least severe level to log.</summary>
        public BitsLogLevel Level { get; }

        internal Action<BitsLogLevel, string, string> Write { get; }
    }
}
