using System;

namespace Bitsup
{
    /// <summary>
    /// Configures an engine. Requires <see cref="Root"/> or <see cref="Store"/>; null keeps the library's default.
    /// </summary>
    public class BitsEngineOptions
    {
        /// <summary>
        /// The directory for received files. Equivalent to a <see cref="Store"/> from
        /// <see cref="BitsStore.OpenDirectory"/>.
        /// </summary>
        public string? Root { get; set; }

        /// <summary>The store for received data. Takes precedence over <see cref="Root"/>.</summary>
        public BitsStore? Store { get; set; }

        /// <summary>The hooks of the application. Without any, every upload is accepted and no reply is sent.</summary>
        public BitsHooks Hooks { get; set; } = new BitsHooks();

        /// <summary>
        /// The URL of the engine's root as clients see it, including the mount point: "https://host/prefix/". Default: derived
        /// from the Host header of each request.
        /// </summary>
        public string? PublicUrl { get; set; }

        /// <summary>
        /// The address of this server within a server farm, with the port if it differs from the one that clients use. Clients
        /// send further requests to it, and reply URLs contain it.
        /// </summary>
        public string? HostId { get; set; }

        /// <summary>
        /// How long clients try to reach <see cref="HostId"/> before they return to the original host, in whole seconds.
        /// Zero, the default, is not sent.
        /// </summary>
        public TimeSpan HostIdFallbackTimeout { get; set; }

        /// <summary>Whether POST with <c>X-HTTP-Method-Override: BITS_POST</c> is accepted as BITS_POST.</summary>
        public bool? MethodOverride { get; set; }

        /// <summary>Maximum size of a file in bytes. Default: no limit.</summary>
        public long? MaxUploadSize { get; set; }

        /// <summary>Maximum size of a fragment in bytes. Default: no limit.</summary>
        public long? MaxFragmentSize { get; set; }

        /// <summary>Maximum number of sessions per owner; 0: no limit. Default: 50.</summary>
        public long? MaxSessionsPerOwner { get; set; }

        /// <summary>Maximum number of sessions. Default: 0, no limit.</summary>
        public long? MaxSessions { get; set; }

        /// <summary>How long a session may go without a successful packet before it expires. Default: 14 days.</summary>
        public TimeSpan? SessionTimeout { get; set; }

        /// <summary>Whether an upload may replace an existing file. Default: no.</summary>
        public bool? AllowOverwrite { get; set; }

        /// <summary>How overlapping fragments are handled.</summary>
        public OverlapPolicy? Overlap { get; set; }

        /// <summary>When a received file becomes visible.</summary>
        public FinalizeOn? FinalizeOn { get; set; }

        /// <summary>Receives the log messages of the engine and, in the options of a server, those of the server.</summary>
        public BitsLogger? Logger { get; set; }

        internal void Fill(EngineConfigHandle config, HookCallbacks callbacks)
        {
            using HooksHandle hooks = callbacks.NewHooks();
            Call.Check(Native.bitsup_engine_config_set_hooks(config, hooks, out IntPtr error), error);
            SetStore(config);
            SetHostId(config);
            LogCallback.Set(config, Logger, Native.bitsup_engine_config_set_logger);
            Setting.Text(config, PublicUrl, Native.bitsup_engine_config_set_public_url, nameof(PublicUrl));
            Setting.Flag(config, MethodOverride, Native.bitsup_engine_config_set_method_override);
            Setting.Count(config, MaxUploadSize, Native.bitsup_engine_config_set_max_upload_size, nameof(MaxUploadSize));
            Setting.Count(config, MaxFragmentSize, Native.bitsup_engine_config_set_max_fragment_size, nameof(MaxFragmentSize));
            Setting.Count(config, MaxSessionsPerOwner, Native.bitsup_engine_config_set_max_sessions_per_owner, nameof(MaxSessionsPerOwner));
            Setting.Count(config, MaxSessions, Native.bitsup_engine_config_set_max_sessions, nameof(MaxSessions));
            Setting.Time(config, SessionTimeout, Native.bitsup_engine_config_set_session_timeout, nameof(SessionTimeout));
            Setting.Flag(config, AllowOverwrite, Native.bitsup_engine_config_set_allow_overwrite);
            Setting.Choice(config, (int?)Overlap, Native.bitsup_engine_config_set_overlap);
            Setting.Choice(config, (int?)FinalizeOn, Native.bitsup_engine_config_set_finalize);
        }

        private void SetStore(EngineConfigHandle config)
        {
            if (Store is { } store)
            {
                Call.Check(Native.bitsup_engine_config_set_store(config, store.Handle, out IntPtr error), error);
            }
            else if (Root is { } root)
            {
                using BitsStore rootStore = BitsStore.OpenDirectory(root);
                Call.Check(Native.bitsup_engine_config_set_store(config, rootStore.Handle, out IntPtr error), error);
            }
        }

        private void SetHostId(EngineConfigHandle config)
        {
            if (HostId is { } host)
            {
                double seconds = Math.Ceiling(HostIdFallbackTimeout.TotalSeconds);
                uint fallback = seconds >= 0 && seconds <= uint.MaxValue
                    ? (uint)seconds
                    : throw new ArgumentOutOfRangeException(nameof(HostIdFallbackTimeout), HostIdFallbackTimeout, "The value must not be negative.");
                int status = Native.bitsup_engine_config_set_host_id(config, Call.Text(host, nameof(HostId)), fallback, out IntPtr error);
                Call.Check(status, error);
            }
        }
    }
}
