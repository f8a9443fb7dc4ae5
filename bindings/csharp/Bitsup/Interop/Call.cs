using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Bitsup
{
    /// <summary>Helpers for calls of the C library: errors, text, times and sizes.</summary>
    internal static class Call
    {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

        /// <summary>Throws the error of a call, if there is one.</summary>
        public static void Check(int status, IntPtr error)
        {
            if (Failure(status, error) is { } failure)
            {
                throw failure;
            }
        }

        /// <summary>Returns the error of a call as an exception; null for success. Frees the native error.</summary>
        public static BitsException? Failure(int status, IntPtr error)
        {
            try
            {
                return status == Native.BITSUP_OK ? null : new BitsException(status, error);
            }
            finally
            {
                Native.bitsup_error_free(error);
            }
        }

        /// <summary>Checks the result of a constructor that returns NULL only after a panic in the C library.</summary>
        public static T NonNull<T>(T handle) where T : NativeHandle =>
            handle.IsInvalid ? throw new BitsException(Native.BITSUP_E_PANIC, IntPtr.Zero) : handle;

        /// <summary>
        /// Encodes text as NUL-terminated UTF-8. Throws if it contains a NUL, where the C library would stop reading.
        /// </summary>
        public static byte[] Text(string text, string parameter)
        {
            if (text is null)
            {
                throw new ArgumentNullException(parameter);
            }

            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("The text must not contain a NUL character.", parameter);
            }

            try
            {
                var bytes = new byte[Utf8.GetByteCount(text) + 1];
                Utf8.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException cause)
            {
                throw new ArgumentException("The text contains an unpaired surrogate.", parameter, cause);
            }
        }

        /// <summary>Copies text that the library owns.</summary>
        public static string? BorrowedString(IntPtr text) => Marshal.PtrToStringUTF8(text);

        /// <summary>Copies text that the caller owns, and frees it.</summary>
        public static string OwnedString(IntPtr text)
        {
            try
            {
                return Marshal.PtrToStringUTF8(text) ?? "";
            }
            finally
            {
                Native.bitsup_string_free(text);
            }
        }

        /// <summary>Converts to milliseconds, rounded up, because 0 often has a special meaning.</summary>
        public static ulong Milliseconds(TimeSpan time, string parameter) =>
            time >= TimeSpan.Zero
                ? (ulong)((time.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond)
                : throw new ArgumentOutOfRangeException(parameter, time, "The value must not be negative.");

        /// <summary>Converts to milliseconds. An infinite time becomes the largest number, which means no limit.</summary>
        public static ulong MillisecondsOrInfinite(TimeSpan time, string parameter) =>
            time == Timeout.InfiniteTimeSpan ? ulong.MaxValue : Milliseconds(time, parameter);

        /// <summary>Converts a native time, where the largest number means never.</summary>
        public static TimeSpan Time(ulong milliseconds) =>
            milliseconds >= (ulong)TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond
                ? TimeSpan.MaxValue
                : TimeSpan.FromTicks((long)milliseconds * TimeSpan.TicksPerMillisecond);

        /// <summary>Converts a number that must not be negative.</summary>
        public static ulong Count(long value, string parameter) =>
            value >= 0 ? (ulong)value : throw new ArgumentOutOfRangeException(parameter, value, "The value must not be negative.");

        /// <summary>Converts a native length, where the largest number means that it is not known.</summary>
        public static long? Length(ulong bytes) => bytes > long.MaxValue ? (long?)null : (long)bytes;
    }
}
