using System;
using System.Collections.Generic;

namespace Bitsup
{
    /// <summary>The head of a request that another HTTP server received, for <see cref="BitsEngine.HandleAsync"/>.</summary>
    public sealed class BitsRequest
    {
        /// <summary>Initializes a request without header fields.</summary>
        /// <param name="method">The method: "BITS_POST".</param>
        /// <param name="target">Path and query as received, relative to the mount point.</param>
        public BitsRequest(string method, string target)
        {
            Method = method ?? throw new ArgumentNullException(nameof(method));
            Target = target ?? throw new ArgumentNullException(nameof(target));
        }

        /// <summary>The method.</summary>
        public string Method { get; }

        /// <summary>Path and query.</summary>
        public string Target { get; }

        /// <summary>The header fields as received. A field that occurs twice is in the list twice.</summary>
        public IList<KeyValuePair<string, string>> Headers { get; } = new List<KeyValuePair<string, string>>();

        /// <summary>The address of the client, for hooks and the log: "192.0.2.7:4711". Null if it is not known.</summary>
        public string? Peer { get; set; }

        /// <summary>The user that the host server authenticated, who owns the session. Null if there is none.</summary>
        public string? Owner { get; set; }

        /// <summary>
        /// The URL prefix, as received, that <see cref="Target"/> is relative to: "/upload/". Null if there is none.
        /// </summary>
        public string? Mount { get; set; }

        /// <summary>
        /// Whether the request was received over HTTPS. Determines the scheme of the URLs sent to the client.
        /// </summary>
        public bool IsHttps { get; set; }

        internal void Fill(ExchangeHandle exchange)
        {
            (byte[] method, byte[] target) = (Call.Text(Method, nameof(Method)), Call.Text(Target, nameof(Target)));
            int status = Native.bitsup_exchange_set_request(
                exchange, method, (UIntPtr)(method.Length - 1), target, (UIntPtr)(target.Length - 1), out IntPtr error);
            Call.Check(status, error);
            Setting.Text(exchange, Peer, Native.bitsup_exchange_set_peer, nameof(Peer));
            Setting.Text(exchange, Owner, Native.bitsup_exchange_set_owner, nameof(Owner));
            Setting.Text(exchange, Mount, Native.bitsup_exchange_set_mount, nameof(Mount));
            Call.Check(Native.bitsup_exchange_set_secure(exchange, IsHttps ? 1 : 0, out error), error);
            foreach (KeyValuePair<string, string> header in Headers)
            {
                (byte[] name, byte[] value) = (Call.Text(header.Key, nameof(Headers)), Call.Text(header.Value, nameof(Headers)));
                status = Native.bitsup_exchange_add_header(
                    exchange, name, (UIntPtr)(name.Length - 1), value, (UIntPtr)(value.Length - 1), out error);
                Call.Check(status, error);
            }
        }

        internal string? Header(string name)
        {
            foreach (KeyValuePair<string, string> header in Headers)
            {
                if (string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase))
                {
                    return header.Value;
                }
            }

            return null;
        }
    }
}
