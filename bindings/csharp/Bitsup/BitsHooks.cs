using System;

namespace Bitsup
{
    /// <summary>
    /// The hooks by which an application controls an engine. All of them are optional.
    /// </summary>
    /// <remarks>
    /// Hooks run on threads of the server, concurrently for different sessions, or inside <see cref="BitsEngine.Tick"/> and
    /// <see cref="BitsEngine.EndSession"/>. They may take minutes. If a hook that decides about a packet throws, the packet is
    /// refused with 500. See <see cref="OnException"/> for how exceptions are reported.
    /// </remarks>
    public sealed class BitsHooks
    {
        /// <summary>
        /// Called before any processing for every packet and for the GET and HEAD of replies, to authenticate and authorize the
        /// request.
        /// </summary>
        public Action<BitsUpload, BitsVerdict>? OnRequest { get; set; }

        /// <summary>Called for a new session, to accept or reject it and to choose the destination of its file.</summary>
        public Action<BitsUpload, BitsVerdict>? OnCreate { get; set; }

        /// <summary>Called when bytes have been stored, before they are acknowledged.</summary>
        public Action<BitsUpload>? OnProgress { get; set; }

        /// <summary>
        /// Called for a complete upload while the client waits, to accept or reject the file, to keep or discard it, and
        /// to set the reply. Takes precedence over <see cref="Notify"/>.
        /// </summary>
        public Action<BitsUpload, BitsVerdict>? OnReceived { get; set; }

        /// <summary>Called when a session has ended.</summary>
        public Action<BitsUpload, SessionEndReason>? OnEnd { get; set; }

        /// <summary>Notifies an application of complete uploads over HTTP, as IIS does.</summary>
        public NotifyOptions? Notify { get; set; }

        /// <summary>
        /// Called with an exception that a hook threw on a thread of a server, on that thread. If it is null or itself
        /// throws, the first such exception is thrown by <see cref="BitsServer.Stop"/>. A hook that runs inside a call on
        /// your thread throws from that call.
        /// </summary>
        public Action<Exception>? OnException { get; set; }

        internal BitsHooks Copy() => (BitsHooks)MemberwiseClone();
    }

    /// <summary>An application that is notified of complete uploads over HTTP.</summary>
    public sealed class NotifyOptions
    {
        /// <summary>Initializes the options.</summary>
        /// <param name="kind">How the file is passed to the application.</param>
        /// <param name="url">An http or https URL, or a reference that is resolved against the URL of each upload.</param>
        /// <param name="timeout">
        /// How long sending the request may go without progress, how long the response headers may take, and how long receiving
        /// the response body may go without progress; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for no limit.
        /// </param>
        public NotifyOptions(NotifyKind kind, string url, TimeSpan timeout)
        {
            Kind = kind;
            Url = url;
            Timeout = timeout;
        }

        /// <summary>How the file is passed to the application.</summary>
        public NotifyKind Kind { get; }

        /// <summary>The URL of the application.</summary>
        public string Url { get; }

        /// <summary>The timeout of each phase of the request.</summary>
        public TimeSpan Timeout { get; }

        /// <summary>PEM file of root certificates that are trusted in addition to those of the platform.</summary>
        public string? CaFile { get; set; }

        internal void AddRoots(HooksHandle hooks) =>
            Setting.File(hooks, CaFile, Native.bitsup_hooks_add_notify_root_certificates);
    }
}
