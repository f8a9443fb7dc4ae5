using System;
using System.Collections.Generic;
using System.Threading.Tasks;

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

        /// <summary>What the server is told when it asks who the client is. Nobody is told who does not ask.</summary>
        public BitsCredentials? Credentials { get; set; }

        /// <summary>What the proxy is told when it asks.</summary>
        public BitsCredentials? ProxyCredentials { get; set; }

        /// <summary>
        /// Asked when somebody wants credentials and those above are of no use, perhaps in the middle of an upload because
        /// they have expired; null: there are none, and the refusal stands. It runs on a thread of the pool, and the upload
        /// waits for it; what it throws ends the call that needs it.
        /// </summary>
        public Func<AuthRequest, Task<BitsCredentials?>>? OnCredentials { get; set; }

        /// <summary>File of root certificates in PEM, which are trusted beside those of the platform.</summary>
        public string? CaFile { get; set; }

        /// <summary>
        /// Who the client is for servers that want to know by TLS: file with a certificate, those that lead to its root, and
        /// its private key without a passphrase, in PEM.
        /// </summary>
        public string? ClientCertificateFile { get; set; }

        /// <summary>URL of the proxy that all connections go through. Default: none; the environment is not looked at.</summary>
        public string? Proxy { get; set; }

        /// <summary>Hosts reached without the proxy: names, with all that end in a dot and them, addresses, or "*".</summary>
        public IList<string> NoProxy { get; } = new List<string>();

        /// <summary>Receives what clients and their jobs say.</summary>
        public BitsLog? Log { get; set; }

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
            Setting.Pairs(config, Headers, Native.bitsup_client_config_add_header, nameof(Headers));
            FillNetwork(config);
            LogCallback.Set(config, Log, Native.bitsup_client_config_set_logger);
        }

        private void FillNetwork(ClientConfigHandle config)
        {
            Setting.File(config, CaFile, Native.bitsup_client_config_add_root_certificates);
            Setting.File(config, ClientCertificateFile, Native.bitsup_client_config_set_client_certificate);
            Setting.Text(config, Proxy, Native.bitsup_client_config_set_proxy, nameof(Proxy));
            foreach (string host in NoProxy)
            {
                Setting.Text(config, host, Native.bitsup_client_config_add_no_proxy, nameof(NoProxy));
            }

            Credentials?.Set(config, AuthTarget.Server);
            ProxyCredentials?.Set(config, AuthTarget.Proxy);
            if (OnCredentials is { } ask)
            {
                CredentialsCallback.Set(config, ask);
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
