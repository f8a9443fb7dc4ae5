using System;

namespace Bitsup
{
    /// <summary>An error reported by the library.</summary>
    public sealed class BitsException : Exception
    {
        /// <summary>Initializes an exception with a status, for example to be thrown by a <see cref="BitsStorage"/>.</summary>
        /// <param name="status">The kind of failure.</param>
        /// <param name="message">The error message.</param>
        /// <exception cref="ArgumentOutOfRangeException"><paramref name="status"/> is not defined.</exception>
        public BitsException(BitsStatus status, string message)
            : base(message)
        {
            if (!Enum.IsDefined(typeof(BitsStatus), status))
            {
                throw new ArgumentOutOfRangeException(nameof(status), status, "The value is not a defined error status.");
            }

            Status = status;
            StatusName = Name((int)status);
        }

        internal BitsException(int status, IntPtr error)
            : base(Call.BorrowedString(error == IntPtr.Zero ? Native.bitsup_status_text(status) : Native.bitsup_error_message(error)))
        {
            Status = (BitsStatus)status;
            StatusName = Name(status);
            HttpStatus = Native.bitsup_error_http_status(error);
            BitsHResult = Native.bitsup_error_hresult(error);
            Context = (BitsErrorContext)Native.bitsup_error_context(error);
            IsTransient = Native.bitsup_error_is_transient(error) != 0;
        }

        /// <summary>
        /// The kind of failure. The hundreds digit is its <see cref="Class"/>. A newer native library may return values
        /// that this enumeration does not define.
        /// </summary>
        public BitsStatus Status { get; }

        /// <summary>The name of the status in the C library, for example "BITSUP_E_IO".</summary>
        public string StatusName { get; }

        /// <summary>The class of the status: where the failure originated.</summary>
        public BitsStatusClass Class => (BitsStatusClass)((int)Status / 100);

        /// <summary>The HTTP status of the peer's response; 0 if the failure was not caused by a response.</summary>
        public int HttpStatus { get; }

        /// <summary>
        /// The HRESULT that the server sent, or that BITS on Windows would report; 0 if there is none. Not to be confused with
        /// <see cref="Exception.HResult"/>.
        /// </summary>
        public uint BitsHResult { get; }

        /// <summary>Where the failure occurred on the server's side.</summary>
        public BitsErrorContext Context { get; }

        /// <summary>Whether the same call may succeed later.</summary>
        public bool IsTransient { get; }

        private static string Name(int status) => Call.BorrowedString(Native.bitsup_status_name(status)) ?? "";
    }
}
