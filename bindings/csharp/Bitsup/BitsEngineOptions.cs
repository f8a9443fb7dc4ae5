using System;

namespace Bitsup
{
    /// <summary>How an engine behaves. It needs <see cref="Root"/> or <see cref="Store"/>; null keeps the library's default.</summary>
    public class BitsEngineOptions
    {
        /// <summary>The directory where files go: short for a <see cref="BitsStore.OpenDirectory"/> of it.</summary>
        public string? Root { get; set; }

        /// <summary>Where received bytes go; takes the place of <see cref="Root"/>.</summary>
        public BitsStore? Store { get; set; }

        /// <summary>The application behind the engine; without one every upload is taken, and there are no replies.</summary>
        public BitsHooks Hooks { get; set; } = new BitsHooks();

        /// <summary>
        /// The URL by which clients reach the engine's root, mount point included: "https://host/prefix/". Default: what the
        /// requests say by their Host.
        /// </summary>
        public string? PublicUrl { get; set; }

        /// <summary>
        /// The address of this server within a farm, with a port if it differs from the one that clients use. Clients come back
        /// to it, and reply URLs name it.
        /// </summary>
        public string? HostId { get; set; }

        /// <summary>After how long without the server of <see cref="HostId"/> clients return to the original host, in whole seconds.</summary>
        public TimeSpan HostIdFallbackTimeout { get; set; }

        /// <summary>Whether POST with <c>X-HTTP-Method-Override: BITS_POST</c> is taken for the verb.</summary>
        public bool? MethodOverride { get; set; }

        /// <summary>Longest file taken, in bytes. Default: no limit.</summary>
        public long? MaxUploadSize { get; set; }

        /// <summary>Longest fragment taken, in bytes. Default: no limit.</summary>
        public long? MaxFragmentSize { get; set; }

        /// <summary>Sessions that one owner may have at a time; 0: no limit. Default: 50.</summary>
        public long? MaxSessionsPerOwner { get; set; }

        /// <summary>Sessions in all; 0, the default: no limit.</summary>
        public long? MaxSessions { get; set; }

        /// <summary>How long a session lives without a successful packet. Default: 14 days.</summary>
        public TimeSpan? SessionTimeout { get; set; }

        /// <summary>Whether an upload may replace a file. Default: no.</summary>
        public bool? AllowOverwrite { get; set; }

        /// <summary>What overlapping fragments do.</summary>
        public Overlap? Overlap { get; set; }

        /// <summary>When files become visible.</summary>
        public FinalizeOn? FinalizeOn { get; set; }

        /// <summary>Receives what the engine and, for the options of a server, the server say.</summary>
        public BitsLog? Log { get; set; }

        internal void Fill(EngineConfigHandle config, HookCallbacks callbacks)
        {
            using HooksHandle hooks = callbacks.NewHooks();
            Call.Check(Native.bitsup_engine_config_set_hooks(config, hooks, out IntPtr error), error);
            SetStore(config);
            SetHostId(config);
            LogCallback.Set(config, Log, Native.bitsup_engine_config_set_logger);
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
                using BitsStore own = BitsStore.OpenDirectory(root);
                Call.Check(Native.bitsup_engine_config_set_store(config, own.Handle, out IntPtr error), error);
            }
        }

        private void SetHostId(EngineConfigHandle config)
        {
            if (HostId is { } host)
            {
                double seconds = Math.Ceiling(HostIdFallbackTimeout.TotalSeconds);
                uint fallback = seconds >= 0 && seconds <= uint.MaxValue
                    ? (uint)seconds
                    : throw new ArgumentOutOfRangeException(nameof(HostIdFallbackTimeout), HostIdFallbackTimeout, "It must not be negative.");
                int status = Native.bitsup_engine_config_set_host_id(config, Call.Text(host, nameof(HostId)), fallback, out IntPtr error);
                Call.Check(status, error);
            }
        }
    }
}
