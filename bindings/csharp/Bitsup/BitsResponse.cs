using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>The answer to a <see cref="BitsRequest"/>. Its body is read as it is sent.</summary>
    public sealed class BitsResponse : IDisposable
    {
        private const int Piece = 64 * 1024;

        private readonly ResponseHandle handle;
        private readonly HookCallbacks hooks;

        internal BitsResponse(ResponseHandle handle, HookCallbacks hooks, bool readWhole)
        {
            this.handle = handle;
            this.hooks = hooks;
            Status = Native.bitsup_response_status(handle);
            Reason = Call.Lent(Native.bitsup_response_reason(handle)) ?? "";
            ContentLength = (long)Native.bitsup_response_content_length(handle);
            MustClose = !readWhole || Native.bitsup_response_must_close(handle) != 0;
            var headers = new List<KeyValuePair<string, string>>();
            for (ulong index = 0; index < Native.bitsup_response_header_count(handle).ToUInt64(); index++)
            {
                headers.Add(new KeyValuePair<string, string>(
                    Call.Lent(Native.bitsup_response_header_name(handle, (UIntPtr)index)) ?? "",
                    Call.Lent(Native.bitsup_response_header_value(handle, (UIntPtr)index)) ?? ""));
            }

            Headers = headers;
        }

        /// <summary>The HTTP status.</summary>
        public int Status { get; }

        /// <summary>The words behind it.</summary>
        public string Reason { get; }

        /// <summary>The header fields, but for Content-Length and Connection.</summary>
        public IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

        /// <summary>The value of Content-Length; differs from the length of the body in answers to a HEAD and with 304.</summary>
        public long ContentLength { get; }

        /// <summary>Whether the connection must be closed after this answer, with "Connection: close" in it.</summary>
        public bool MustClose { get; }

        /// <summary>Sends the body, which may be none.</summary>
        /// <param name="destination">Where it goes.</param>
        /// <param name="cancellationToken">The connection is lost.</param>
        /// <returns>The copying.</returns>
        /// <exception cref="BitsException">The store cannot read: close the connection.</exception>
        public async Task CopyToAsync(Stream destination, CancellationToken cancellationToken = default)
        {
            if (destination is null)
            {
                throw new ArgumentNullException(nameof(destination));
            }

            var piece = new byte[Math.Min(Native.bitsup_response_body_length(this.handle), Piece)];
            for (int length = Read(piece); length > 0; length = Read(piece))
            {
                await destination.WriteAsync(piece.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            }

            this.hooks.ThrowKept();
        }

        /// <summary>Lets go of what the body is read from.</summary>
        public void Dispose() => this.handle.Dispose();

        private int Read(byte[] piece)
        {
            int status = Native.bitsup_response_read_body(
                this.handle, piece, (UIntPtr)piece.Length, out UIntPtr length, out IntPtr error);
            Call.Check(status, error);
            return (int)length;
        }
    }
}
