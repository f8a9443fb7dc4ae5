using System;
using System.Collections.Generic;
using System.IO;

namespace Bitsup
{
    /// <summary>
    /// Configures a server and its engine. For a server with several engines, or with an engine that is also used elsewhere,
    /// set <see cref="Mounts"/> and leave the root and the store unset.
    /// </summary>
    public sealed class BitsServerOptions : BitsEngineOptions
    {
        /// <summary>
        /// Host name or IP address and port to listen on, for example "[::1]:8080". Default: "127.0.0.1:0". Port 0 picks a
        /// free port.
        /// </summary>
        public string Listen { get; set; } = "127.0.0.1:0";

        /// <summary>The URL path of the engine that these options configure. Default: "/".</summary>
        public string Prefix { get; set; } = "/";

        /// <summary>Additional engines by their URL paths. The longest matching path is used.</summary>
        public IDictionary<string, BitsEngine> Mounts { get; } = new Dictionary<string, BitsEngine>();

        /// <summary>Maximum number of worker threads. Default: 256.</summary>
        public int? MaxWorkers { get; set; }

        /// <summary>Maximum number of connections; further ones wait in the kernel's queue. Default: 16,384.</summary>
        public int? MaxConnections { get; set; }

        /// <summary>Timeout for receiving the head of a request and for a TLS handshake. Default: 30 s.</summary>
        public TimeSpan? HeadTimeout { get; set; }

        /// <summary>How long receiving a request body or sending a response may go without progress. Default: 120 s.</summary>
        public TimeSpan? ReadTimeout { get; set; }

        /// <summary>How long a connection may be idle before the first request and between requests. Default: 300 s.</summary>
        public TimeSpan? IdleTimeout { get; set; }

        /// <summary>
        /// PEM file with the server's certificate and its intermediate certificates. Enables TLS 1.2 and 1.3.
        /// </summary>
        public string? CertificateFile { get; set; }

        /// <summary>
        /// PEM file with the key of <see cref="CertificateFile"/>, without a passphrase. Default: the same file.
        /// </summary>
        public string? KeyFile { get; set; }

        /// <summary>
        /// PEM file of root certificates. Only clients with a certificate issued by one of them are accepted. The subject
        /// of the certificate owns the sessions: "CN=pc17,OU=Sales,O=Example". Requires <see cref="CertificateFile"/>.
        /// </summary>
        public string? ClientCaFile { get; set; }

        /// <summary>
        /// User names and passwords. Only these users are accepted, by Basic authentication. A user owns their sessions.
        /// </summary>
        public IDictionary<string, string> Users { get; } = new Dictionary<string, string>();

        internal void Fill(ServerConfigHandle config)
        {
            (string host, ushort port) = Address();
            int status = Native.bitsup_server_config_set_listen(config, Call.Text(host, nameof(Listen)), port, out IntPtr error);
            Call.Check(status, error);
            Setting.Count(config, MaxWorkers, Native.bitsup_server_config_set_max_workers, nameof(MaxWorkers));
            Setting.Count(config, MaxConnections, Native.bitsup_server_config_set_max_connections, nameof(MaxConnections));
            Setting.Time(config, HeadTimeout, Native.bitsup_server_config_set_head_timeout, nameof(HeadTimeout));
            Setting.Time(config, ReadTimeout, Native.bitsup_server_config_set_read_timeout, nameof(ReadTimeout));
            Setting.Time(config, IdleTimeout, Native.bitsup_server_config_set_idle_timeout, nameof(IdleTimeout));
            LogCallback.Set(config, Logger, Native.bitsup_server_config_set_logger);
            FillTlsAndUsers(config);
        }

        /// <summary>Sets the TLS identity of the server and the accepted clients.</summary>
        internal void FillTlsAndUsers(ServerConfigHandle config)
        {
            if (CertificateFile is { } file)
            {
                (byte[] chain, byte[] key) = (File.ReadAllBytes(file), File.ReadAllBytes(KeyFile ?? file));
                int status = Native.bitsup_server_config_set_tls(
                    config, chain, (UIntPtr)chain.Length, key, (UIntPtr)key.Length, out IntPtr error);
                Call.Check(status, error);
            }

            Setting.File(config, ClientCaFile, Native.bitsup_server_config_set_client_ca);
            Setting.Pairs(config, Users, Native.bitsup_server_config_add_user, nameof(Users));
        }

        private (string Host, ushort Port) Address()
        {
            int colon = Listen.LastIndexOf(':');
            if (colon < 0 || !ushort.TryParse(Listen.Substring(colon + 1), out ushort port))
            {
                throw new ArgumentException($"Invalid address \"{Listen}\": expected host and port, for example \"127.0.0.1:8080\".", nameof(Listen));
            }

            string host = Listen.Substring(0, colon);
            bool bracketed = host.StartsWith("[", StringComparison.Ordinal) && host.EndsWith("]", StringComparison.Ordinal);
            return (bracketed ? host.Substring(1, host.Length - 2) : host, port);
        }
    }
}
