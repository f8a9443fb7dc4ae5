using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>Configures a client. Null keeps the library's default.</summary>
    public sealed class BitsClientOptions
    {
        /// <summary>Length of every fragment in bytes. 0, the default, adapts the length to the connection.</summary>
        public long? FragmentSize { get; set; }

        /// <summary>Maximum bytes per second that one job sends. Default: 0, no limit.</summary>
        public long? RateLimit { get; set; }

        /// <summary>Timeout for connecting, including name resolution. Default: 30 s.</summary>
        public TimeSpan? ConnectTimeout { get; set; }

        /// <summary>Timeout for sending one request.</summary>
        public TimeSpan? RequestTimeout { get; set; }

        /// <summary>Timeout for the response to one request.</summary>
        public TimeSpan? ResponseTimeout { get; set; }

        /// <summary>When failed requests are retried.</summary>
        public RetryPolicy? Retry { get; set; }

        /// <summary>
        /// How long a job may go without progress, counted from its first failure. With zero the first failure is final.
        /// </summary>
        public TimeSpan? NoProgressTimeout { get; set; }

        /// <summary>
        /// Time limit of a whole run. Default: zero, no limit. A run that exceeds it fails with
        /// <see cref="BitsStatus.Timeout"/> and can be resumed.
        /// </summary>
        public TimeSpan? Timeout { get; set; }

        /// <summary>The User-Agent header. Default: "bitsup/" followed by the version.</summary>
        public string? UserAgent { get; set; }

        /// <summary>
        /// Whether to send POST with <c>X-HTTP-Method-Override: BITS_POST</c> instead of the BITS_POST method, for servers that
        /// require it and for proxies that reject the method.
        /// </summary>
        public bool? MethodOverride { get; set; }

        /// <summary>Credentials for the server. They are sent only if the server asks for them.</summary>
        public BitsCredentials? Credentials { get; set; }

        /// <summary>Credentials for the proxy. They are sent only if the proxy asks for them.</summary>
        public BitsCredentials? ProxyCredentials { get; set; }

        /// <summary>
        /// Called when a server or proxy asks for credentials and those above are missing or were rejected, for example
        /// because they expired during an upload. Return null if there are none; the request then fails. It runs on a
        /// thread of the pool while the upload waits. An exception that it throws ends the call that needs the
        /// credentials.
        /// </summary>
        public Func<AuthRequest, Task<BitsCredentials?>>? OnCredentials { get; set; }

        /// <summary>PEM file of root certificates that are trusted in addition to those of the platform.</summary>
        public string? CaFile { get; set; }

        /// <summary>
        /// PEM file with the client's certificate, its intermediate certificates and its private key without a passphrase, for
        /// servers that require TLS client authentication.
        /// </summary>
        public string? ClientCertificateFile { get; set; }

        /// <summary>URL of the proxy for all connections. Default: none; environment variables are not used.</summary>
        public string? Proxy { get; set; }

        /// <summary>
        /// Hosts reached without the proxy: host names, which include their subdomains, IP addresses, or "*" for all.
        /// </summary>
        public IList<string> NoProxy { get; } = new List<string>();

        /// <summary>Receives the log messages of the client and its jobs.</summary>
        public BitsLogger? Logger { get; set; }

        /// <summary>Header fields added to every request.</summary>
        public IList<KeyValuePair<string, string>> Headers { get; } = new List<KeyValuePair<string, string>>();

        internal ClientConfigHandle ToNative()
        {
            ClientConfigHandle config = Call.NonNull(Native.bitsup_client_config_new());
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
            LogCallback.Set(config, Logger, Native.bitsup_client_config_set_logger);
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
            if (OnCredentials is { } callback)
            {
                CredentialsCallback.Set(config, callback);
            }
        }
    }

    /// <summary>
    /// When failed requests are retried: after a random delay of at most <see cref="FirstDelay"/>. This bound doubles with each
    /// further failure, up to <see cref="MaxDelay"/>. A longer Retry-After of the server takes precedence.
    /// </summary>
    public sealed class RetryPolicy
    {
        /// <summary>Initializes a policy.</summary>
        /// <param name="firstDelay">The maximum first delay.</param>
        /// <param name="maxDelay">The maximum of all delays.</param>
        /// <param name="maxAttempts">
        /// Number of consecutive failures that ends the run; 0 for no limit but the no-progress timeout.
        /// </param>
        public RetryPolicy(TimeSpan firstDelay, TimeSpan maxDelay, int maxAttempts = 0)
        {
            FirstDelay = firstDelay;
            MaxDelay = maxDelay;
            MaxAttempts = maxAttempts;
        }

        /// <summary>The maximum first delay.</summary>
        public TimeSpan FirstDelay { get; }

        /// <summary>The maximum of all delays.</summary>
        public TimeSpan MaxDelay { get; }

        /// <summary>Number of consecutive failures that ends the run; 0 for no limit but the no-progress timeout.</summary>
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
