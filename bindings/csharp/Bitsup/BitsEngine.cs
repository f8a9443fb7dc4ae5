using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// Receives the uploads of one virtual directory. An engine has no socket, thread or timer: either a
    /// <see cref="BitsServer"/> mounts it, or another HTTP server passes it requests. Thread-safe.
    /// </summary>
    public sealed class BitsEngine : IDisposable
    {
        /// <summary>Initializes an engine with the sessions of its store.</summary>
        /// <param name="options">The configuration. Later changes to the object have no effect.</param>
        /// <exception cref="BitsException">A value is out of range, or the store cannot be used.</exception>
        public BitsEngine(BitsEngineOptions options)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            Hooks = new HookCallbacks(options.Hooks);
            using EngineConfigHandle config = Call.NonNull(Native.bitsup_engine_config_new());
            options.Fill(config, Hooks);
            EngineHandle? handle = null;
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_new(config, out handle, out IntPtr error), error));
            Handle = handle!;
        }

        /// <summary>The number of sessions.</summary>
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
        /// Returns whether a request is for this engine: a BITS packet, or the GET or HEAD of a reply. For servers that
        /// also handle other requests. Accepts POST only with <see cref="BitsEngineOptions.MethodOverride"/>.
        /// </summary>
        /// <param name="method">The request method.</param>
        /// <param name="target">Path and query as received, relative to the mount point.</param>
        /// <returns>Whether the request is for this engine.</returns>
        public bool Accepts(string method, string target)
        {
            (byte[] verb, byte[] path) = (Call.Text(method, nameof(method)), Call.Text(target, nameof(target)));
            return Native.bitsup_engine_accepts(
                Handle, verb, (UIntPtr)(verb.Length - 1), path, (UIntPtr)(path.Length - 1)) != 0;
        }

        /// <summary>
        /// Handles a request that another HTTP server has received and returns the response. Reads the body only as far
        /// as the engine needs it, plus a limited rest if that keeps the connection open. If the client sent "Expect:
        /// 100-continue" and the request is refused, nothing is read, so that the client does not send the body.
        /// </summary>
        /// <param name="request">The head of the request.</param>
        /// <param name="body">
        /// The body, without transfer coding; the stream must end with the body. A read may still be pending after the call.
        /// </param>
        /// <param name="cancellationToken">Cancel it when the connection is lost. Data that was stored is kept.</param>
        /// <returns>The response. Dispose it after it was sent.</returns>
        /// <exception cref="BitsException">
        /// The request was not set up correctly. Errors of the client result in a response.
        /// </exception>
        /// <remarks>
        /// Hooks run on dedicated threads, so they may take minutes. An exception that a hook throws is passed to
        /// <see cref="BitsHooks.OnException"/>, or thrown by <see cref="BitsResponse.CopyToAsync"/> after the body was sent.
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
        /// Ends the sessions that have expired. A running server does this for the engines that it mounts.
        /// </summary>
        /// <returns>
        /// The number of sessions it ended, and the time until the next call is due; <see cref="TimeSpan.MaxValue"/> if there
        /// are no sessions and the store is not shared.
        /// </returns>
        public (long Expired, TimeSpan Next) Tick()
        {
            (ulong expired, ulong next) = (0, 0);
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_tick(Handle, out expired, out next, out IntPtr error), error));
            return ((long)expired, Call.Time(next));
        }

        /// <summary>Ends a session and discards the data it received.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <exception cref="BitsException"><see cref="BitsStatus.SessionNotFound"/>, or an error of the store.</exception>
        public void EndSession(string sessionId)
        {
            byte[] text = Call.Text(sessionId, nameof(sessionId));
            CallFrame.Call(() => Call.Failure(Native.bitsup_engine_end_session(Handle, text, out IntPtr error), error));
        }

        /// <summary>Frees the engine. Servers that mount it continue to use it, and its sessions stay in the store.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
