using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>One request that the engine handles.</summary>
    internal sealed class Exchange : IDisposable
    {
        private const int BufferSize = 64 * 1024;

        /// <summary>
        /// Maximum length of a body that is drained to keep its connection open. A Windows client sends its whole fragment, at
        /// most 13 MiB, before it reads the response.
        /// </summary>
        private const long MaxDrained = 16 * 1024 * 1024;

        /// <summary>
        /// How often, while no data arrives, the engine is asked whether a newer request took over the session.
        /// </summary>
        private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(5);

        private readonly ExchangeHandle handle;
        private readonly HookCallbacks hooks;
        private readonly bool leaveUnread;
        private bool wantsBody;

        public Exchange(BitsEngine engine, BitsRequest request)
        {
            Call.Check(Native.bitsup_exchange_new(engine.Handle, out this.handle, out IntPtr error), error);
            this.hooks = engine.Hooks;
            this.leaveUnread = ShouldLeaveUnread(request);
            request.Fill(this.handle);
        }

        public async Task<BitsResponse> RunAsync(Stream body, CancellationToken cancellation)
        {
            this.wantsBody = await RunStep(Begin).ConfigureAwait(false);
            bool bodyRead = await ReadBodyAsync(body, cancellation).ConfigureAwait(false);
            return new BitsResponse(await RunStep(Finish).ConfigureAwait(false), this.hooks, bodyRead);
        }

        /// <summary>Frees the exchange. Without a response the engine treats the connection as lost.</summary>
        public void Dispose() => this.handle.Dispose();

        /// <summary>
        /// Returns whether the body was read to its end. If not, the connection cannot be used for another request.
        /// </summary>
        private async Task<bool> ReadBodyAsync(Stream body, CancellationToken cancellation)
        {
            if (!this.wantsBody && this.leaveUnread)
            {
                return false;
            }

            var buffer = new byte[BufferSize];
            long drained = 0;
            while (drained <= MaxDrained)
            {
                Task<int> read = body.ReadAsync(buffer, 0, buffer.Length, cancellation);
                if (!await WaitForDataAsync(read).ConfigureAwait(false))
                {
                    return false;
                }

                int length = await read.ConfigureAwait(false);
                if (length == 0)
                {
                    return true;
                }

                drained += this.wantsBody ? 0 : length;
                // This may run OnProgress hooks.
                this.wantsBody = this.wantsBody && await RunStep(() => Body(buffer, length)).ConfigureAwait(false);
            }

            return false;
        }

        /// <summary>
        /// Whether not to drain an unwanted body: with "Expect: 100-continue" reading would make the client send it; with
        /// Transfer-Encoding its length is unknown; or it is too long.
        /// </summary>
        private static bool ShouldLeaveUnread(BitsRequest request) =>
            (request.Header("Expect") ?? "").IndexOf("100-continue", StringComparison.OrdinalIgnoreCase) >= 0
            || request.Header("Transfer-Encoding") != null
            || (long.TryParse(request.Header("Content-Length"), out long length) && length > MaxDrained);

        /// <summary>Waits for data. Returns false if none arrives and a newer request took over the session.</summary>
        private async Task<bool> WaitForDataAsync(Task<int> read)
        {
            while (!read.IsCompleted && await Task.WhenAny(read, Task.Delay(ProbeInterval)).ConfigureAwait(false) != read)
            {
                if (this.wantsBody && !Body(Array.Empty<byte>(), 0))
                {
                    return false;
                }
            }

            return true;
        }

        private bool Begin() => WantsBody(Native.bitsup_exchange_begin(this.handle, out int want, out IntPtr error), want, error);

        private bool Body(byte[] buffer, int length) => WantsBody(
            Native.bitsup_exchange_body(this.handle, buffer, (UIntPtr)length, out int want, out IntPtr error), want, error);

        private ResponseHandle Finish()
        {
            Call.Check(Native.bitsup_exchange_finish(this.handle, out ResponseHandle response, out IntPtr error), error);
            return response;
        }

        private static bool WantsBody(int status, int want, IntPtr error)
        {
            Call.Check(status, error);
            return want == Native.BITSUP_WANT_BODY;
        }

        /// <summary>
        /// Runs a step on a dedicated thread if hooks may block for minutes, so that no thread of the pool is blocked.
        /// </summary>
        private Task<T> RunStep<T>(Func<T> step) => this.hooks.MayBlock
            ? Task.Factory.StartNew(step, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.FromResult(step());
    }
}
