using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// Receives the uploads of one virtual directory. Has no socket, no thread and no clock of its own: a
    /// <see cref="BitsServer"/> mounts it, or another HTTP server hands it requests. May be used from any thread,
    /// concurrently.
    /// </summary>
    public sealed class BitsEngine : IDisposable
    {
        /// <summary>An engine, with the sessions that its store holds.</summary>
        /// <param name="options">How it behaves; read now.</param>
        /// <exception cref="BitsException">A value is outside its domain, or the store cannot be had.</exception>
        public BitsEngine(BitsEngineOptions options)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            Hooks = new HookCallbacks(options.Hooks);
            using EngineConfigHandle config = Call.Made(Native.bitsup_engine_config_new());
            options.Fill(config, Hooks);
            EngineHandle? handle = null;
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_new(config, out handle, out IntPtr error), error));
            Handle = handle!;
        }

        /// <summary>How many sessions there are.</summary>
        public long SessionCount
        {
            get
            {
                Call.Check(Native.bitsup_engine_session_count(Handle, out ulong count, out IntPtr error), error);
                return (long)count;
            }
        }

        internal EngineHandle Handle { get; }

        internal HookCallbacks Hooks { get; }

        /// <summary>
        /// Whether a request is for this engine, for servers that have other things beside it: a packet, or the GET or HEAD
        /// of a reply. A POST is one where <see cref="BitsEngineOptions.MethodOverride"/> is on.
        /// </summary>
        /// <param name="method">The verb.</param>
        /// <param name="target">Path and query as they came, below the mount point.</param>
        /// <returns>Whether it is.</returns>
        public bool Accepts(string method, string target)
        {
            (byte[] verb, byte[] path) = (Call.Text(method, nameof(method)), Call.Text(target, nameof(target)));
            return Native.bitsup_engine_accepts(
                Handle, verb, (UIntPtr)(verb.Length - 1), path, (UIntPtr)(path.Length - 1)) != 0;
        }

        /// <summary>
        /// Takes a request that another HTTP server has received, up to the answer. Reads no more of the body than is wanted,
        /// or is worth reading so that the connection can go on; of a client that waits for "100 Continue" and is refused,
        /// nothing, so that it is not asked.
        /// </summary>
        /// <param name="request">The head of the request.</param>
        /// <param name="body">The body, decoded; it ends where the body ends. A read may still be under way afterwards.</param>
        /// <param name="cancellationToken">The connection is lost. What was stored stays.</param>
        /// <returns>The answer, to be disposed of when it is sent.</returns>
        /// <exception cref="BitsException">The request was not set up well; what the client does wrong is an answer.</exception>
        /// <remarks>
        /// Hooks run on threads of their own, so they may take minutes. What one throws goes to
        /// <see cref="BitsHooks.OnException"/>, or is thrown by <see cref="BitsResponse.CopyToAsync"/> after the answer.
        /// </remarks>
        public async Task<BitsResponse> HandleAsync(
            BitsRequest request, Stream body, CancellationToken cancellationToken = default)
        {
            if (request is null || body is null)
            {
                throw new ArgumentNullException(request is null ? nameof(request) : nameof(body));
            }

            using var exchange = new Exchange(this, request);
            return await exchange.RunAsync(body, cancellationToken).ConfigureAwait(false);
        }

        /// <summary>
        /// Ends the sessions that were idle for too long. A running server does this for the engines that it mounts.
        /// </summary>
        /// <returns>
        /// How many it ended, and after how long the next one can expire; <see cref="TimeSpan.MaxValue"/> when there is none.
        /// </returns>
        public (long Expired, TimeSpan Next) Tick()
        {
            (ulong expired, ulong next) = (0, 0);
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_tick(Handle, out expired, out next, out IntPtr error), error));
            return ((long)expired, Call.Time(next));
        }

        /// <summary>Ends a session and discards what it received.</summary>
        /// <param name="sessionId">The session.</param>
        /// <exception cref="BitsException"><see cref="BitsStatus.SessionNotFound"/>, or the store failed.</exception>
        public void EndSession(string sessionId)
        {
            byte[] text = Call.Text(sessionId, nameof(sessionId));
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_end_session(Handle, text, out IntPtr error), error));
        }

        /// <summary>Frees the engine; servers that mount it live on, and so do its sessions, in the store.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
