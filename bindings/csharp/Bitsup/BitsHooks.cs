using System;

namespace Bitsup
{
    /// <summary>
    /// The application behind an engine; all of it may be left out.
    /// </summary>
    /// <remarks>
    /// Hooks run on threads of the server, concurrently for different sessions, or inside <see cref="BitsEngine.Tick"/> and
    /// <see cref="BitsEngine.EndSession"/>. They may take minutes. What one throws refuses the packet with 500 where it can
    /// decide; see <see cref="OnException"/> for where it goes.
    /// </remarks>
    public sealed class BitsHooks
    {
        /// <summary>
        /// Decides about every packet, and about the GET and HEAD of replies, before anything is done: who sent it, and may
        /// they?
        /// </summary>
        public Action<BitsUpload, BitsVerdict>? OnRequest { get; set; }

        /// <summary>Decides about new sessions: may it be, and where does its file go?</summary>
        public Action<BitsUpload, BitsVerdict>? OnCreate { get; set; }

        /// <summary>Hears of stored bytes, before they are acknowledged.</summary>
        public Action<BitsUpload>? OnProgress { get; set; }

        /// <summary>
        /// Decides about complete uploads, while the client waits: is it good, is it kept, what is the reply? Takes the place of
        /// <see cref="Notify"/>.
        /// </summary>
        public Action<BitsUpload, BitsVerdict>? OnReceived { get; set; }

        /// <summary>Hears of the end of sessions.</summary>
        public Action<BitsUpload, SessionEnd>? OnEnd { get; set; }

        /// <summary>Lets an application decide about complete uploads over HTTP, as with IIS.</summary>
        public NotifyOptions? Notify { get; set; }

        /// <summary>
        /// Gets what a hook threw on a thread of a server, on that thread. Without it, or when it throws itself, the first such
        /// exception is thrown by <see cref="BitsServer.Stop"/>. A hook that runs inside a call of yours throws out of that call.
        /// </summary>
        public Action<Exception>? OnException { get; set; }

        internal BitsHooks Copy() => (BitsHooks)MemberwiseClone();
    }

    /// <summary>An application that is told of complete uploads over HTTP.</summary>
    public sealed class NotifyOptions
    {
        /// <summary>An application.</summary>
        /// <param name="kind">What it gets.</param>
        /// <param name="url">http or https, or a reference that is resolved against the URL of each upload.</param>
        /// <param name="timeout">
        /// How long the request may make no progress, how long the head of the answer may take, and how long its body may make
        /// no progress; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>: no limit.
        /// </param>
        public NotifyOptions(NotifyKind kind, string url, TimeSpan timeout)
        {
            Kind = kind;
            Url = url;
            Timeout = timeout;
        }

        /// <summary>What it gets.</summary>
        public NotifyKind Kind { get; }

        /// <summary>Where it is.</summary>
        public string Url { get; }

        /// <summary>How long it may be silent.</summary>
        public TimeSpan Timeout { get; }

        /// <summary>File of root certificates in PEM, which are trusted beside those of the platform.</summary>
        public string? CaFile { get; set; }

        internal void AddRoots(HooksHandle hooks) =>
            Setting.File(hooks, CaFile, Native.bitsup_hooks_add_notify_root_certificates);
    }
}
