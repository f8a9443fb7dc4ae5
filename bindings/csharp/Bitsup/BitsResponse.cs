using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>The response to a <see cref="BitsRequest"/>. Its body is read while it is sent.</summary>
    public sealed class BitsResponse : IDisposable
    {
        private const int BufferSize = 64 * 1024;

        private readonly ResponseHandle handle;
        private readonly HookCallbacks hooks;

        internal BitsResponse(ResponseHandle handle, HookCallbacks hooks, bool bodyRead)
        {
            this.handle = handle;
            this.hooks = hooks;
            StatusCode = Native.bitsup_response_status(handle);
            ReasonPhrase = Call.BorrowedString(Native.bitsup_response_reason(handle)) ?? "";
            ContentLength = (long)Native.bitsup_response_content_length(handle);
            MustClose = !bodyRead || Native.bitsup_response_must_close(handle) != 0;
            var headers = new List<KeyValuePair<string, string>>();
            for (ulong index = 0; index < Native.bitsup_response_header_count(handle).ToUInt64(); index++)
            {
                headers.Add(new KeyValuePair<string, string>(
                    Call.BorrowedString(Native.bitsup_response_header_name(handle, (UIntPtr)index)) ?? "",
                    Call.BorrowedString(Native.bitsup_response_header_value(handle, (UIntPtr)index)) ?? ""));
            }

            Headers = headers;
        }

        /// <summary>The HTTP status code.</summary>
        public int StatusCode { get; }

        /// <summary>The reason phrase.</summary>
        public string ReasonPhrase { get; }

        /// <summary>The header fields, without Content-Length and Connection.</summary>
        public IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

        /// <summary>
        /// The value of Content-Length. It differs from the length of the body in responses to HEAD and with status 304.
        /// </summary>
        public long ContentLength { get; }

        /// <summary>
        /// Whether the connection must be closed after this response, which must then contain "Connection: close".
        /// </summary>
        public bool MustClose { get; }

        /// <summary>Writes the body, which may be empty, to a stream.</summary>
        /// <param name="destination">The stream.</param>
        /// <param name="cancellationToken">Cancel it when the connection is lost.</param>
        /// <returns>A task that completes when the body was written.</returns>
        /// <exception cref="BitsException">The store failed to read the body; close the connection.</exception>
        public async Task CopyToAsync(Stream destination, CancellationToken cancellationToken = default)
        {
            if (destination is null)
            {
                throw new ArgumentNullException(nameof(destination));
            }

            var buffer = new byte[Math.Min(Native.bitsup_response_body_length(this.handle), BufferSize)];
            for (int length = Read(buffer); length > 0; length = Read(buffer))
            {
                await destination.WriteAsync(buffer.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            }

            this.hooks.ThrowPending();
        }

        /// <summary>Releases the source of the body.</summary>
        public void Dispose() => this.handle.Dispose();

        private int Read(byte[] buffer)
        {
            int status = Native.bitsup_response_read_body(
                this.handle, buffer, (UIntPtr)buffer.Length, out UIntPtr length, out IntPtr error);
            Call.Check(status, error);
            return (int)length;
        }
    }
}
