using System;

namespace Bitsup
{
    /// <summary>Credentials that a client sends to a server or a proxy.</summary>
    public sealed class BitsCredentials
    {
        private BitsCredentials(AuthScheme scheme, string? user, string secret)
        {
            Scheme = scheme;
            User = user;
            Secret = secret ?? throw new ArgumentNullException(nameof(secret));
        }

        /// <summary>The authentication scheme.</summary>
        public AuthScheme Scheme { get; }

        /// <summary>The user name; null with a token.</summary>
        public string? User { get; }

        internal string Secret { get; }

        /// <summary>Creates credentials from a user name and a password.</summary>
        /// <param name="user">The user name.</param>
        /// <param name="password">The password.</param>
        /// <returns>Credentials for <see cref="AuthScheme.Basic"/>.</returns>
        public static BitsCredentials Basic(string user, string password) =>
            new BitsCredentials(AuthScheme.Basic, user ?? throw new ArgumentNullException(nameof(user)), password);

        /// <summary>Creates credentials from a token.</summary>
        /// <param name="token">The token.</param>
        /// <returns>Credentials for <see cref="AuthScheme.Bearer"/>. Proxies do not support this scheme.</returns>
        public static BitsCredentials Bearer(string token) => new BitsCredentials(AuthScheme.Bearer, null, token);

        /// <summary>Returns the scheme and the user name, but not the secret.</summary>
        /// <returns>For example "Basic ann".</returns>
        public override string ToString() => $"{Scheme} {User}".TrimEnd();

        internal void Set(ClientConfigHandle config, AuthTarget target)
        {
            byte[]? user = User is null ? null : Call.Text(User, nameof(User));
            int status = Native.bitsup_client_config_set_credentials(
                config, (int)target, (int)Scheme, user, Call.Text(Secret, nameof(Secret)), out IntPtr error);
            Call.Check(status, error);
        }
    }

    /// <summary>An HTTP authentication scheme.</summary>
    public enum AuthScheme
    {
        /// <summary>Basic: a user name and a password.</summary>
        Basic = Native.BITSUP_AUTH_BASIC,

        /// <summary>Bearer: a token.</summary>
        Bearer = Native.BITSUP_AUTH_BEARER,
    }

    /// <summary>Where credentials are required.</summary>
    public enum AuthTarget
    {
        /// <summary>The server of the URL (401).</summary>
        Server = Native.BITSUP_AUTH_TARGET_SERVER,

        /// <summary>The proxy (407).</summary>
        Proxy = Native.BITSUP_AUTH_TARGET_PROXY,
    }

    /// <summary>A request for credentials, made when the configured ones are missing or were rejected.</summary>
    public sealed class AuthRequest
    {
        internal AuthRequest(AuthTarget target, AuthScheme scheme, string realm)
        {
            Target = target;
            Scheme = scheme;
            Realm = realm;
        }

        /// <summary>Whether the server or the proxy requires credentials.</summary>
        public AuthTarget Target { get; }

        /// <summary>The required scheme.</summary>
        public AuthScheme Scheme { get; }

        /// <summary>The realm of the challenge; may be empty.</summary>
        public string Realm { get; }
    }
}
