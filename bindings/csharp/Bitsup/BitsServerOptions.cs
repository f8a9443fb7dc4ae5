using System;
using System.Collections.Generic;
using System.IO;

namespace Bitsup
{
    /// <summary>
    /// How a server listens, and what its engine does. A server with several engines, or with one that is used elsewhere,
    /// names them in <see cref="Mounts"/> and leaves root and store out.
    /// </summary>
    public sealed class BitsServerOptions : BitsEngineOptions
    {
        /// <summary>
        /// Host name or address and port to listen on: "127.0.0.1:0", the default, "[::1]:8080". Port 0 picks a free one.
        /// </summary>
        public string Listen { get; set; } = "127.0.0.1:0";

        /// <summary>The URL path of the engine that these options make. Default: "/", for all.</summary>
        public string Prefix { get; set; } = "/";

        /// <summary>Further engines by their URL paths. Of several the longest that fits wins.</summary>
        public IDictionary<string, BitsEngine> Mounts { get; } = new Dictionary<string, BitsEngine>();

        /// <summary>Most worker threads. Default: 256.</summary>
        public int? MaxWorkers { get; set; }

        /// <summary>Most connections; more wait in the kernel's queue. Default: 16,384.</summary>
        public int? MaxConnections { get; set; }

        /// <summary>How long the head of a request may take. Default: 30 s.</summary>
        public TimeSpan? HeadTimeout { get; set; }

        /// <summary>How long the body of a request may make no progress. Default: 120 s.</summary>
        public TimeSpan? ReadTimeout { get; set; }

        /// <summary>How long a connection may be silent between two requests. Default: 300 s.</summary>
        public TimeSpan? IdleTimeout { get; set; }

        /// <summary>File with the certificate of the server and those that lead to its root, in PEM: speak TLS 1.2 and 1.3.</summary>
        public string? CertificateFile { get; set; }

        /// <summary>File with the key of <see cref="CertificateFile"/>, in PEM, without a passphrase. Default: the same file.</summary>
        public string? KeyFile { get; set; }

        /// <summary>
        /// File of root certificates in PEM: take only clients with a certificate that leads to one of them. Its subject owns
        /// their sessions: "CN=pc17,OU=Sales,O=Example". Needs <see cref="CertificateFile"/>.
        /// </summary>
        public string? ClientCaFile { get; set; }

        /// <summary>Names with passwords: take only these users, by Basic authentication. They own their sessions.</summary>
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
            LogCallback.Set(config, Log, Native.bitsup_server_config_set_logger);
            FillIdentity(config);
        }

        /// <summary>Who the server is, and who may come.</summary>
        internal void FillIdentity(ServerConfigHandle config)
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
                throw new ArgumentException($"\"{Listen}\" is no host and port, as \"127.0.0.1:8080\" is.", nameof(Listen));
            }

            string host = Listen.Substring(0, colon);
            bool bracketed = host.StartsWith("[", StringComparison.Ordinal) && host.EndsWith("]", StringComparison.Ordinal);
            return (bracketed ? host.Substring(1, host.Length - 2) : host, port);
        }
    }
}
