using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Bitsup
{
    /// <summary>What calls of the C library have in common: errors, text, times and sizes.</summary>
    internal static class Call
    {
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

        /// <summary>Throws what a call answered.</summary>
        public static void Check(int status, IntPtr error)
        {
            if (Failure(status, error) is { } failure)
            {
                throw failure;
            }
        }

        /// <summary>The exception for what a call answered; null for success. Frees the error.</summary>
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

        /// <summary>An object from a constructor that answers NULL only after a bug in the C library.</summary>
        public static T Made<T>(T handle) where T : NativeHandle =>
            handle.IsInvalid ? throw new BitsException(Native.BITSUP_E_PANIC, IntPtr.Zero) : handle;

        /// <summary>Text as C takes it. The C library would see only what is before a NUL, so there must be none.</summary>
        public static byte[] Text(string text, string parameter)
        {
            if (text is null)
            {
                throw new ArgumentNullException(parameter);
            }

            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("There must be no NUL in this text.", parameter);
            }

            try
            {
                var bytes = new byte[Utf8.GetByteCount(text) + 1];
                Utf8.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException cause)
            {
                throw new ArgumentException("This text has half of a surrogate pair.", parameter, cause);
            }
        }

        /// <summary>Text that the library lends.</summary>
        public static string? Lent(IntPtr text) => Marshal.PtrToStringUTF8(text);

        /// <summary>Text that the library gave, which is freed.</summary>
        public static string Given(IntPtr text)
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

        /// <summary>Milliseconds; a part of one counts as a whole, for 0 often means something else.</summary>
        public static ulong Milliseconds(TimeSpan time, string parameter) =>
            time >= TimeSpan.Zero
                ? (ulong)((time.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond)
                : throw new ArgumentOutOfRangeException(parameter, time, "A time must not be negative.");

        /// <summary>Milliseconds, of which the largest number means that there is no limit.</summary>
        public static ulong MillisecondsOrNever(TimeSpan time, string parameter) =>
            time == Timeout.InfiniteTimeSpan ? ulong.MaxValue : Milliseconds(time, parameter);

        /// <summary>A time from C, where the largest number means never.</summary>
        public static TimeSpan Time(ulong milliseconds) =>
            milliseconds >= (ulong)TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond
                ? TimeSpan.MaxValue
                : TimeSpan.FromTicks((long)milliseconds * TimeSpan.TicksPerMillisecond);

        /// <summary>A number that must not be negative.</summary>
        public static ulong Count(long value, string parameter) =>
            value >= 0 ? (ulong)value : throw new ArgumentOutOfRangeException(parameter, value, "It must not be negative.");

        /// <summary>A length from C, where the largest number means that it is not known.</summary>
        public static long? Length(ulong bytes) => bytes > long.MaxValue ? (long?)null : (long)bytes;
    }
}
