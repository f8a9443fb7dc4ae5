using System;

namespace Bitsup
{
    /// <summary>How much a message of the library matters.</summary>
    public enum BitsLogLevel
    {
        /// <summary>Something failed for good.</summary>
        Error = Native.BITSUP_LOG_ERROR,

        /// <summary>Something is not as it should be, and goes on.</summary>
        Warning = Native.BITSUP_LOG_WARN,

        /// <summary>What an operator wants to know. The usual choice.</summary>
        Information = Native.BITSUP_LOG_INFO,

        /// <summary>What helps to find a fault.</summary>
        Debug = Native.BITSUP_LOG_DEBUG,

        /// <summary>Everything.</summary>
        Trace = Native.BITSUP_LOG_TRACE,
    }

    /// <summary>
    /// Receives what the library says: a level, the part of the library, "client", "engine", "server" or "notify", and the
    /// message. Passwords, tokens and the values of added header fields are never in it; URLs and session ids are.
    /// </summary>
    /// <remarks>
    /// Runs on every thread that calls the library and on those of servers, several at a time. What it throws is thrown by
    /// the call that logged; on a thread of a server it goes to <see cref="System.Diagnostics.Trace"/>.
    /// </remarks>
    public sealed class BitsLog
    {
        /// <summary>A receiver.</summary>
        /// <param name="write">Gets level, part and message.</param>
        /// <param name="level">Up to which level.</param>
        public BitsLog(Action<BitsLogLevel, string, string> write, BitsLogLevel level = BitsLogLevel.Information)
        {
            Write = write ?? throw new ArgumentNullException(nameof(write));
            Level = level;
        }

        /// <summary>Up to which level.</summary>
        public BitsLogLevel Level { get; }

        internal Action<BitsLogLevel, string, string> Write { get; }
    }
}
