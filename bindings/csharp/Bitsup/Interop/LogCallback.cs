using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>Forwards the messages of the C library to a delegate.</summary>
    internal static class LogCallback
    {
        private static readonly Native.bitsup_log_fn OnMessage = (userData, level, target, message, length) =>
        {
            try
            {
                string text = Marshal.PtrToStringUTF8(message, (int)length);
                UserData.Get<BitsLogger>(userData).Write((BitsLogLevel)level, Call.BorrowedString(target) ?? "", text);
            }
            catch (Exception exception)
            {
                if (!CallFrame.Capture(exception))
                {
                    Trace.TraceError($"bitsup: the log callback threw an exception: {exception}");
                }
            }
        };

        /// <summary>Registers the logger, if there is one. The native logger owns one reference to it.</summary>
        public static void Set<T>(T config, BitsLogger? logger, Setting.Setter<T, LoggerHandle> set)
        {
            if (logger != null)
            {
                using LoggerHandle native = Native.bitsup_logger_new(OnMessage, (int)logger.Level, UserData.Alloc(logger), UserData.Destroy);
                if (native.IsInvalid)
                {
                    throw new ArgumentOutOfRangeException(nameof(logger), logger.Level, "The value is not a defined log level.");
                }

                Call.Check(set(config, native, out IntPtr error), error);
            }
        }
    }
}
