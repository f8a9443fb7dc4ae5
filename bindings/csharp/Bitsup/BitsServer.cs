using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// A running server with its own threads. A server that is not stopped is stopped by the garbage collector once it is
    /// unreachable, unless its own hooks refer to it.
    /// </summary>
    public sealed class BitsServer : IDisposable
    {
        private readonly ServerHandle handle;
        private readonly IReadOnlyList<HookCallbacks> hooks;

        private BitsServer(ServerHandle handle, IReadOnlyList<HookCallbacks> hooks)
        {
            this.handle = handle;
            this.hooks = hooks;
        }

        /// <summary>The URL of the server's root with the actual port: "http://127.0.0.1:41234/".</summary>
        public string Url
        {
            get
            {
                Call.Check(Native.bitsup_server_url(this.handle, out IntPtr text, out IntPtr error), error);
                return Call.OwnedString(text);
            }
        }

        /// <summary>The port that the server listens on.</summary>
        public int Port => Native.bitsup_server_port(this.handle);

        /// <summary>Binds the address and serves requests until the server is stopped.</summary>
        /// <param name="options">The configuration. Later changes to the object have no effect.</param>
        /// <returns>The server.</returns>
        /// <exception cref="BitsException">A value is out of range, or the address or the store cannot be used.</exception>
        public static BitsServer Start(BitsServerOptions options)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            using ServerConfigHandle config = Call.NonNull(Native.bitsup_server_config_new());
            options.Fill(config);
            var hooks = new List<HookCallbacks>();
            foreach (KeyValuePair<string, BitsEngine> mount in options.Mounts)
            {
                Mount(config, mount.Key, mount.Value, hooks);
            }

            bool hasOwnEngine = options.Root != null || options.Store != null || options.Mounts.Count == 0;
            using BitsEngine? engine = hasOwnEngine ? new BitsEngine(options) : null;
            if (engine != null)
            {
                Mount(config, options.Prefix, engine, hooks);
            }

            Call.Check(Native.bitsup_server_start(config, out ServerHandle handle, out IntPtr error), error);
            return new BitsServer(handle, hooks);
        }

        /// <summary>
        /// Stops accepting connections, closes idle ones, waits for requests in progress, then closes all connections and waits
        /// for all threads of the server. No hook runs afterwards. Acknowledged data stays in the store.
        /// </summary>
        /// <param name="grace">How long to wait for requests in progress. Default: not at all.</param>
        /// <exception cref="BitsException">
        /// <see cref="BitsStatus.Busy"/> while another thread stops the server, and in a hook; the server then stops
        /// asynchronously.
        /// </exception>
        /// <remarks>
        /// Finally throws the first exception of a hook that <see cref="BitsHooks.OnException"/> did not handle.
        /// </remarks>
        public void Stop(TimeSpan grace = default)
        {
            ulong milliseconds = Call.Milliseconds(grace, nameof(grace));
            Call.Check(Native.bitsup_server_stop(this.handle, milliseconds, out IntPtr error), error);
            foreach (HookCallbacks kept in this.hooks)
            {
                kept.ThrowPending();
            }
        }

        /// <summary>
        /// Reads <see cref="BitsServerOptions.CertificateFile"/>, <see cref="BitsServerOptions.KeyFile"/> and
        /// <see cref="BitsServerOptions.ClientCaFile"/> again and uses them for new connections.
        /// </summary>
        /// <param name="options">Contains the file names; all other options are ignored.</param>
        /// <exception cref="BitsException">
        /// The files do not contain a certificate and a key; the previous ones stay in use.
        /// </exception>
        public void ReloadTls(BitsServerOptions options) => Reload(options, Native.bitsup_server_reload_tls);

        /// <summary>Replaces the users by <see cref="BitsServerOptions.Users"/>, starting with the next request.</summary>
        /// <param name="options">Contains the users; all other options are ignored.</param>
        /// <exception cref="BitsException">
        /// The new list is empty, or the server was started without users; nothing changes.
        /// </exception>
        public void ReloadUsers(BitsServerOptions options) => Reload(options, Native.bitsup_server_reload_users);

        /// <summary>Calls <see cref="Stop"/> on another thread.</summary>
        /// <param name="grace">How long to wait for requests in progress. Default: not at all.</param>
        /// <returns>A task that completes when the server has stopped.</returns>
        public Task StopAsync(TimeSpan grace = default) => Task.Run(() => Stop(grace));

        /// <summary>Stops the server without a grace period, waits, and frees it. In a hook it does not wait.</summary>
        public void Dispose()
        {
            if (!this.handle.IsClosed)
            {
                // The only possible error is Busy, which means that the server is already stopping.
                int status = Native.bitsup_server_stop(this.handle, 0, out IntPtr error);
                _ = Call.Failure(status, error);
                this.handle.Dispose();
            }
        }

        private void Reload(BitsServerOptions options, Setting.Setter<ServerHandle, ServerConfigHandle> reload)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            using ServerConfigHandle config = Call.NonNull(Native.bitsup_server_config_new());
            options.FillTlsAndUsers(config);
            Call.Check(reload(this.handle, config, out IntPtr error), error);
        }

        private static void Mount(ServerConfigHandle config, string prefix, BitsEngine engine, List<HookCallbacks> hooks)
        {
            byte[] text = Call.Text(prefix, nameof(prefix));
            Call.Check(Native.bitsup_server_config_mount(config, text, engine.Handle, out IntPtr error), error);
            hooks.Add(engine.Hooks);
        }
    }
}
