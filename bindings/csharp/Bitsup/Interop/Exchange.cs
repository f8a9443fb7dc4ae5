using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>One request on its way through the engine.</summary>
    internal sealed class Exchange : IDisposable
    {
        private const int Piece = 64 * 1024;

        /// <summary>
        /// Longest body that is read and dropped so that its connection can go on. A Windows client writes its whole
        /// fragment, 13 MiB at most, before it reads the answer.
        /// </summary>
        private const long Discard = 16 * 1024 * 1024;

        /// <summary>After so long a silence it is asked whether a newer request took the session over.</summary>
        private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

        private readonly ExchangeHandle handle;
        private readonly HookCallbacks hooks;
        private readonly bool notWorthReading;
        private bool wantsBody;

        public Exchange(BitsEngine engine, BitsRequest request)
        {
            Call.Check(Native.bitsup_exchange_new(engine.Handle, out this.handle, out IntPtr error), error);
            this.hooks = engine.Hooks;
            this.notWorthReading = NotWorthReading(request);
            request.Fill(this.handle);
        }

        public async Task<BitsResponse> RunAsync(Stream body, CancellationToken cancellation)
        {
            this.wantsBody = await Work(Begin).ConfigureAwait(false);
            bool whole = await FeedAsync(body, cancellation).ConfigureAwait(false);
            return new BitsResponse(await Work(Finish).ConfigureAwait(false), this.hooks, whole);
        }

        /// <summary>The engine sees by this that the connection was lost, if there was no answer.</summary>
        public void Dispose() => this.handle.Dispose();

        /// <summary>Whether the body was read to its end; else nobody knows where the next request begins.</summary>
        private async Task<bool> FeedAsync(Stream body, CancellationToken cancellation)
        {
            if (!this.wantsBody && this.notWorthReading)
            {
                return false;
            }

            var piece = new byte[Piece];
            long dropped = 0;
            while (dropped <= Discard)
            {
                Task<int> read = body.ReadAsync(piece, 0, piece.Length, cancellation);
                if (!await ComesAsync(read).ConfigureAwait(false))
                {
                    return false;
                }

                int length = await read.ConfigureAwait(false);
                if (length == 0)
                {
                    return true;
                }

                dropped += this.wantsBody ? 0 : length;
                // Hooks hear of stored bytes.
                this.wantsBody = this.wantsBody && await Work(() => Body(piece, length)).ConfigureAwait(false);
            }

            return false;
        }

        /// <summary>
        /// A body that is not wanted: its client waits to be asked, which reading does, and is not; or there is too much of
        /// it; or nobody can know how much.
        /// </summary>
        private static bool NotWorthReading(BitsRequest request) =>
            (request.Header("Expect") ?? "").IndexOf("100-continue", StringComparison.OrdinalIgnoreCase) >= 0
            || request.Header("Transfer-Encoding") != null
            || (long.TryParse(request.Header("Content-Length"), out long length) && length > Discard);

        /// <summary>False when the client is silent and a newer request has taken the session over.</summary>
        private async Task<bool> ComesAsync(Task<int> read)
        {
            while (!read.IsCompleted && await Task.WhenAny(read, Task.Delay(Silence)).ConfigureAwait(false) != read)
            {
                if (this.wantsBody && !Body(Array.Empty<byte>(), 0))
                {
                    return false;
                }
            }

            return true;
        }

        private bool Begin() => Wants(Native.bitsup_exchange_begin(this.handle, out int want, out IntPtr error), want, error);

        private bool Body(byte[] piece, int length) => Wants(
            Native.bitsup_exchange_body(this.handle, piece, (UIntPtr)length, out int want, out IntPtr error), want, error);

        private ResponseHandle Finish()
        {
            Call.Check(Native.bitsup_exchange_finish(this.handle, out ResponseHandle response, out IntPtr error), error);
            return response;
        }

        private static bool Wants(int status, int want, IntPtr error)
        {
            Call.Check(status, error);
            return want == Native.BITSUP_WANT_BODY;
        }

        /// <summary>Where hooks may take minutes they keep no thread from a pool.</summary>
        private Task<T> Work<T>(Func<T> step) => this.hooks.MayTakeLong
            ? Task.Factory.StartNew(step, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.FromResult(step());
    }
}
