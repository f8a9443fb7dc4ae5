using System;

namespace Bitsup
{
    /// <summary>What went wrong in one call.</summary>
    public sealed class BitsException : Exception
    {
        /// <summary>A failure of your own, for a <see cref="BitsStorage"/> to say which one it has.</summary>
        /// <param name="status">Which kind of failure it is.</param>
        /// <param name="message">What failed.</param>
        /// <exception cref="ArgumentOutOfRangeException">There is no such status.</exception>
        public BitsException(BitsStatus status, string message)
            : base(message)
        {
            if (!Enum.IsDefined(typeof(BitsStatus), status))
            {
                throw new ArgumentOutOfRangeException(nameof(status), status, "It is no status of a failure.");
            }

            Status = status;
            StatusName = Name((int)status);
        }

        internal BitsException(int status, IntPtr error)
            : base(Call.Lent(error == IntPtr.Zero ? Native.bitsup_status_text(status) : Native.bitsup_error_message(error)))
        {
            Status = (BitsStatus)status;
            StatusName = Name(status);
            HttpStatus = Native.bitsup_error_http_status(error);
            BitsHResult = Native.bitsup_error_hresult(error);
            Context = (BitsErrorContext)Native.bitsup_error_context(error);
            IsTransient = Native.bitsup_error_is_transient(error) != 0;
        }

        /// <summary>
        /// Which kind of failure it was. Hundreds are classes, see <see cref="Class"/>; a newer library may answer numbers
        /// that this enumeration lacks.
        /// </summary>
        public BitsStatus Status { get; }

        /// <summary>The name of the status: "BITSUP_E_IO".</summary>
        public string StatusName { get; }

        /// <summary>The class of the status: who is to blame.</summary>
        public BitsStatusClass Class => (BitsStatusClass)((int)Status / 100);

        /// <summary>The HTTP status of the peer's answer; 0 when no answer was the cause.</summary>
        public int HttpStatus { get; }

        /// <summary>
        /// The HRESULT that the server sent, or that Windows would report; 0 when there is none. Not to be taken for
        /// <see cref="Exception.HResult"/>, which is .NET's own.
        /// </summary>
        public uint BitsHResult { get; }

        /// <summary>Who failed on the server's side.</summary>
        public BitsErrorContext Context { get; }

        /// <summary>Whether the same call is worth another try.</summary>
        public bool IsTransient { get; }

        private static string Name(int status) => Call.Lent(Native.bitsup_status_name(status)) ?? "";
    }
}
