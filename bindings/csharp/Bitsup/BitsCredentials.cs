using System;

namespace Bitsup
{
    /// <summary>What a server or a proxy is told that wants to know who the client is.</summary>
    public sealed class BitsCredentials
    {
        private BitsCredentials(AuthScheme scheme, string? user, string secret)
        {
            Scheme = scheme;
            User = user;
            Secret = secret ?? throw new ArgumentNullException(nameof(secret));
        }

        /// <summary>How it is told.</summary>
        public AuthScheme Scheme { get; }

        /// <summary>The name; null with a token.</summary>
        public string? User { get; }

        internal string Secret { get; }

        /// <summary>A name and a password.</summary>
        /// <param name="user">The name.</param>
        /// <param name="password">The password.</param>
        /// <returns>Credentials for <see cref="AuthScheme.Basic"/>.</returns>
        public static BitsCredentials Basic(string user, string password) =>
            new BitsCredentials(AuthScheme.Basic, user ?? throw new ArgumentNullException(nameof(user)), password);

        /// <summary>A token.</summary>
        /// <param name="token">The token.</param>
        /// <returns>Credentials for <see cref="AuthScheme.Bearer"/>, which proxies do not take.</returns>
        public static BitsCredentials Bearer(string token) => new BitsCredentials(AuthScheme.Bearer, null, token);

        /// <summary>Who, but not the secret.</summary>
        /// <returns>For instance "Basic ann".</returns>
        public override string ToString() => $"{Scheme} {User}".TrimEnd();

        internal void Set(ClientConfigHandle config, AuthTarget target)
        {
            byte[]? user = User is null ? null : Call.Text(User, nameof(User));
            int status = Native.bitsup_client_config_set_credentials(
                config, (int)target, (int)Scheme, user, Call.Text(Secret, nameof(Secret)), out IntPtr error);
            Call.Check(status, error);
        }
    }

    /// <summary>How credentials are told.</summary>
    public enum AuthScheme
    {
        /// <summary>A name and a password.</summary>
        Basic = Native.BITSUP_AUTH_BASIC,

        /// <summary>A token.</summary>
        Bearer = Native.BITSUP_AUTH_BEARER,
    }

    /// <summary>Who asks for credentials.</summary>
    public enum AuthTarget
    {
        /// <summary>The server of the URL.</summary>
        Server = Native.BITSUP_AUTH_TARGET_SERVER,

        /// <summary>The proxy.</summary>
        Proxy = Native.BITSUP_AUTH_TARGET_PROXY,
    }

    /// <summary>Somebody wants credentials, and those that are set are of no use.</summary>
    public sealed class AuthRequest
    {
        internal AuthRequest(AuthTarget target, AuthScheme scheme, string realm)
        {
            Target = target;
            Scheme = scheme;
            Realm = realm;
        }

        /// <summary>Who asks.</summary>
        public AuthTarget Target { get; }

        /// <summary>What they want.</summary>
        public AuthScheme Scheme { get; }

        /// <summary>What it is for, in the words of who asks; may be empty.</summary>
        public string Realm { get; }
    }
}
