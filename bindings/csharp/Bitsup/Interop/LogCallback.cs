using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>Takes the C library's messages to a delegate.</summary>
    internal static class LogCallback
    {
        private static readonly Native.bitsup_log_fn Say = (userData, level, target, message, length) =>
        {
            try
            {
                string text = Marshal.PtrToStringUTF8(message, (int)length);
                UserData.Of<BitsLog>(userData).Write((BitsLogLevel)level, Call.Lent(target) ?? "", text);
            }
            catch (Exception exception)
            {
                if (!CallFrame.Keep(exception))
                {
                    Trace.TraceError($"bitsup: a log failed: {exception}");
                }
            }
        };

        /// <summary>Sets it, if there is one. C owns one reference to it.</summary>
        public static void Set<T>(T config, BitsLog? log, Setting.Of<T, LoggerHandle> set)
        {
            if (log != null)
            {
                using LoggerHandle logger = Native.bitsup_logger_new(Say, (int)log.Level, UserData.Keep(log), UserData.Destroy);
                if (logger.IsInvalid)
                {
                    throw new ArgumentOutOfRangeException(nameof(log), log.Level, "It is no level.");
                }

                Call.Check(set(config, logger, out IntPtr error), error);
            }
        }
    }
}
