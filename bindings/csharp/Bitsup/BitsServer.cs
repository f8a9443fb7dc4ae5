using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// A running server, with threads of its own. One that is dropped without being stopped stops when the garbage collector
    /// finds it, unless its own hooks know it.
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

        /// <summary>The URL of the server's root, with the port in use: "http://127.0.0.1:41234/".</summary>
        public string Url
        {
            get
            {
                Call.Check(Native.bitsup_server_url(this.handle, out IntPtr text, out IntPtr error), error);
                return Call.Given(text);
            }
        }

        /// <summary>The port in use.</summary>
        public int Port => Native.bitsup_server_port(this.handle);

        /// <summary>Binds the address and serves until stopped.</summary>
        /// <param name="options">How; read now.</param>
        /// <returns>The server.</returns>
        /// <exception cref="BitsException">A value is outside its domain, or address or store cannot be had.</exception>
        public static BitsServer Start(BitsServerOptions options)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            using ServerConfigHandle config = Call.Made(Native.bitsup_server_config_new());
            options.Fill(config);
            var hooks = new List<HookCallbacks>();
            foreach (KeyValuePair<string, BitsEngine> mount in options.Mounts)
            {
                Mount(config, mount.Key, mount.Value, hooks);
            }

            bool own = options.Root != null || options.Store != null || options.Mounts.Count == 0;
            using BitsEngine? engine = own ? new BitsEngine(options) : null;
            if (engine != null)
            {
                Mount(config, options.Prefix, engine, hooks);
            }

            Call.Check(Native.bitsup_server_start(config, out ServerHandle handle, out IntPtr error), error);
            return new BitsServer(handle, hooks);
        }

        /// <summary>
        /// Stops accepting, closes idle connections, gives requests under way some time, closes all connections and waits for
        /// every thread of the server; no hook runs afterwards. What was acknowledged stays in the store.
        /// </summary>
        /// <param name="grace">How long requests under way may take; none by default.</param>
        /// <exception cref="BitsException">
        /// <see cref="BitsStatus.Busy"/> while another thread stops it, and in a hook: then it stops without being waited for.
        /// </exception>
        /// <remarks>Then throws the first exception of a hook that <see cref="BitsHooks.OnException"/> did not take.</remarks>
        public void Stop(TimeSpan grace = default)
        {
            ulong milliseconds = Call.Milliseconds(grace, nameof(grace));
            Call.Check(Native.bitsup_server_stop(this.handle, milliseconds, out IntPtr error), error);
            foreach (HookCallbacks kept in this.hooks)
            {
                kept.ThrowKept();
            }
        }

        /// <summary>
        /// Takes <see cref="BitsServerOptions.CertificateFile"/>, <see cref="BitsServerOptions.KeyFile"/> and
        /// <see cref="BitsServerOptions.ClientCaFile"/> as they are now, for connections from now on.
        /// </summary>
        /// <param name="options">Where they are; nothing else in it counts.</param>
        /// <exception cref="BitsException">They are no certificate and key; the old ones stay.</exception>
        public void ReloadTls(BitsServerOptions options) => Reload(options, Native.bitsup_server_reload_tls);

        /// <summary>Takes <see cref="BitsServerOptions.Users"/> in place of the former, from the next request on.</summary>
        /// <param name="options">Who they are; nothing else in it counts.</param>
        /// <exception cref="BitsException">There are none, or there were none; the old ones stay.</exception>
        public void ReloadUsers(BitsServerOptions options) => Reload(options, Native.bitsup_server_reload_users);

        /// <summary><see cref="Stop"/> on another thread.</summary>
        /// <param name="grace">How long requests under way may take; none by default.</param>
        /// <returns>The stop.</returns>
        public Task StopAsync(TimeSpan grace = default) => Task.Run(() => Stop(grace));

        /// <summary>Stops without grace, waits, and frees the server. In a hook it does not wait.</summary>
        public void Dispose()
        {
            if (!this.handle.IsClosed)
            {
                // Busy is all that it can answer, and then the server is stopping.
                int status = Native.bitsup_server_stop(this.handle, 0, out IntPtr error);
                _ = Call.Failure(status, error);
                this.handle.Dispose();
            }
        }

        private void Reload(BitsServerOptions options, Setting.Of<ServerHandle, ServerConfigHandle> reload)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }

            using ServerConfigHandle config = Call.Made(Native.bitsup_server_config_new());
            options.FillIdentity(config);
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
