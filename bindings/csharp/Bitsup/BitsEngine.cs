using System;

namespace Bitsup
{
    /// <summary>
    /// Receives the uploads of one virtual directory. Has no socket, no thread and no clock of its own: a
    /// <see cref="BitsServer"/> mounts it. May be used from any thread, concurrently.
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
            Call.Check(Native.bitsup_engine_new(config, out EngineHandle handle, out IntPtr error), error);
            Handle = handle;
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
        /// Ends the sessions that were idle for too long. A running server does this for the engines that it mounts.
        /// </summary>
        /// <returns>
        /// How many it ended, and after how long the next one can expire; <see cref="TimeSpan.MaxValue"/> when there is none.
        /// </returns>
        public (long Expired, TimeSpan Next) Tick()
        {
            (ulong expired, ulong next) = (0, 0);
            Hooks.Call(() => Call.Failure(Native.bitsup_engine_tick(Handle, out expired, out next, out IntPtr error), error));
            return ((long)expired, Call.Time(next));
        }

        /// <summary>Ends a session and discards what it received.</summary>
        /// <param name="sessionId">The session.</param>
        /// <exception cref="BitsException"><see cref="BitsStatus.SessionNotFound"/>, or the store failed.</exception>
        public void EndSession(string sessionId)
        {
            byte[] text = Call.Text(sessionId, nameof(sessionId));
            Hooks.Call(() => Call.Failure(Native.bitsup_engine_end_session(Handle, text, out IntPtr error), error));
        }

        /// <summary>Frees the engine; servers that mount it live on, and so do its sessions, in the store.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
