using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;

namespace Bitsup.Tests
{
    /// <summary>A temporary folder with a file to upload, a client, and optionally a server.</summary>
    internal sealed class Fixture : IDisposable
    {
        private readonly string folder = Path.Combine(Path.GetTempPath(), $"bitsup-{Guid.NewGuid():N}");
        private BitsServer? server;

        public Fixture(int length = 300_000)
        {
            Directory.CreateDirectory(Root);
            Content = Bytes(length);
            File.WriteAllBytes(Source, Content);
        }

        public string Root => In("root");

        public string Source => In("source.bin");

        public byte[] Content { get; }

        public BitsServer Server => this.server ?? throw new InvalidOperationException("Serve was not called");

        /// <summary>A client whose uploads take several fragments and that retries immediately.</summary>
        public BitsClient Client { get; } = new BitsClient(new BitsClientOptions
        {
            FragmentSize = 100_000,
            Retry = new RetryPolicy(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(10)),
            NoProgressTimeout = TimeSpan.FromSeconds(20),
        });

        public static byte[] Bytes(int length, int seed = 1)
        {
            var bytes = new byte[length];
            new Random(seed).NextBytes(bytes);
            return bytes;
        }

        public string In(string name) => Path.Combine(this.folder, name);

        public string Url(string name = "file.bin") => Server.Url + name;

        public byte[] Received(string name = "file.bin") => File.ReadAllBytes(Path.Combine(Root, name));

        public BitsServer Serve(BitsHooks? hooks = null, string listen = "127.0.0.1:0")
        {
            var options = new BitsServerOptions { Root = Root, Listen = listen, Hooks = hooks ?? new BitsHooks() };
            return this.server = BitsServer.Start(options);
        }

        public void Dispose()
        {
            this.server?.Dispose();
            Client.Dispose();
            Directory.Delete(this.folder, recursive: true);
        }
    }

    /// <summary>Reports on the calling thread, unlike Progress.</summary>
    internal sealed class SyncProgress<T> : IProgress<T>
    {
        private readonly Action<T> listener;

        public SyncProgress(Action<T> listener) => this.listener = listener;

        public void Report(T value) => this.listener(value);
    }

    internal static class Garbage
    {
        /// <summary>Collects all unreachable objects and waits for their finalizers.</summary>
        public static void Collect()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        /// <summary>
        /// Runs an action in its own stack frame, so that no local variable of the caller keeps an object alive.
        /// </summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        public static void RunInFrame(Action action) => action();
    }
}
