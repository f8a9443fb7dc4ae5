using System;
using System.Collections.Generic;

namespace Bitsup
{
    /// <summary>How a client behaves. What is left null keeps the library's default, which suits most.</summary>
    public sealed class BitsClientOptions
    {
        /// <summary>Length of every fragment in bytes; 0, the default, adapts it to the line.</summary>
        public long? FragmentSize { get; set; }

        /// <summary>Most bytes per second that one job sends; 0, the default: no limit.</summary>
        public long? RateLimit { get; set; }

        /// <summary>How long connecting may take, name resolution included. Default: 30 s.</summary>
        public TimeSpan? ConnectTimeout { get; set; }

        /// <summary>How long sending one request may take.</summary>
        public TimeSpan? RequestTimeout { get; set; }

        /// <summary>How long the answer to one request may take.</summary>
        public TimeSpan? ResponseTimeout { get; set; }

        /// <summary>When a failed request is tried again.</summary>
        public RetryPolicy? Retry { get; set; }

        /// <summary>How long a job may make no progress, counted from its first failure. Zero: the first failure is final.</summary>
        public TimeSpan? NoProgressTimeout { get; set; }

        /// <summary>
        /// How long a whole run may take; zero, the default: as long as it makes progress. A run that takes longer ends with
        /// <see cref="BitsStatus.Timeout"/> and can be continued.
        /// </summary>
        public TimeSpan? Timeout { get; set; }

        /// <summary>The User-Agent header. Default: "bitsup/" and the version.</summary>
        public string? UserAgent { get; set; }

        /// <summary>
        /// Whether POST with <c>X-HTTP-Method-Override: BITS_POST</c> is sent instead of the verb itself, for servers that want
        /// it so and for proxies that refuse the verb.
        /// </summary>
        public bool? MethodOverride { get; set; }

        /// <summary>Header fields added to every request.</summary>
        public IList<KeyValuePair<string, string>> Headers { get; } = new List<KeyValuePair<string, string>>();

        internal ClientConfigHandle ToNative()
        {
            ClientConfigHandle config = Call.Made(Native.bitsup_client_config_new());
            try
            {
                Fill(config);
                return config;
            }
            catch
            {
                config.Dispose();
                throw;
            }
        }

        private void Fill(ClientConfigHandle config)
        {
            Setting.Count(config, FragmentSize, Native.bitsup_client_config_set_fragment_size, nameof(FragmentSize));
            Setting.Count(config, RateLimit, Native.bitsup_client_config_set_rate_limit, nameof(RateLimit));
            Setting.Time(config, ConnectTimeout, Native.bitsup_client_config_set_connect_timeout, nameof(ConnectTimeout));
            Setting.Time(config, RequestTimeout, Native.bitsup_client_config_set_request_timeout, nameof(RequestTimeout));
            Setting.Time(config, ResponseTimeout, Native.bitsup_client_config_set_response_timeout, nameof(ResponseTimeout));
            Setting.Time(config, NoProgressTimeout, Native.bitsup_client_config_set_no_progress_timeout, nameof(NoProgressTimeout));
            Setting.Time(config, Timeout, Native.bitsup_client_config_set_timeout, nameof(Timeout));
            Setting.Text(config, UserAgent, Native.bitsup_client_config_set_user_agent, nameof(UserAgent));
            Setting.Flag(config, MethodOverride, Native.bitsup_client_config_set_method_override);
            Retry?.Set(config);
            foreach (KeyValuePair<string, string> header in Headers)
            {
                int status = Native.bitsup_client_config_add_header(
                    config, Call.Text(header.Key, nameof(Headers)), Call.Text(header.Value, nameof(Headers)), out IntPtr error);
                Call.Check(status, error);
            }
        }
    }

    /// <summary>
    /// When a failed request is tried again: after a random delay of at most <see cref="FirstDelay"/>, a bound that doubles
    /// with each further failure up to <see cref="MaxDelay"/>.
    /// </summary>
    public sealed class RetryPolicy
    {
        /// <summary>A policy.</summary>
        /// <param name="firstDelay">The longest first delay.</param>
        /// <param name="maxDelay">The longest delay of all.</param>
        /// <param name="maxAttempts">Failures in a row that end the run; 0 leaves the end to the no-progress timeout.</param>
        public RetryPolicy(TimeSpan firstDelay, TimeSpan maxDelay, int maxAttempts = 0)
        {
            FirstDelay = firstDelay;
            MaxDelay = maxDelay;
            MaxAttempts = maxAttempts;
        }

        /// <summary>The longest first delay.</summary>
        public TimeSpan FirstDelay { get; }

        /// <summary>The longest delay of all.</summary>
        public TimeSpan MaxDelay { get; }

        /// <summary>Failures in a row that end the run; 0 leaves the end to the no-progress timeout.</summary>
        public int MaxAttempts { get; }

        internal void Set(ClientConfigHandle config)
        {
            int status = Native.bitsup_client_config_set_retry(
                config,
                (uint)Call.Count(MaxAttempts, nameof(MaxAttempts)),
                Call.Milliseconds(FirstDelay, nameof(FirstDelay)),
                Call.Milliseconds(MaxDelay, nameof(MaxDelay)),
                out IntPtr error);
            Call.Check(status, error);
        }
    }
}
