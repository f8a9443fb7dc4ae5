using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;

namespace Bitsup.Tests
{
    /// <summary>Options reach the library: invalid values are rejected, and valid ones take effect.</summary>
    internal static class OptionTests
    {
        private static readonly TimeSpan Negative = TimeSpan.FromTicks(-1);

        [Test]
        public static void Invalid_client_options_are_rejected()
        {
            BitsClientOptions[] invalid =
            {
                new BitsClientOptions { ConnectTimeout = TimeSpan.Zero },
                new BitsClientOptions { RequestTimeout = TimeSpan.Zero },
                new BitsClientOptions { ResponseTimeout = TimeSpan.Zero },
                new BitsClientOptions { UserAgent = "two\r\nlines" },
                new BitsClientOptions { Headers = { new KeyValuePair<string, string>("no name", "") } },
            };
            foreach (BitsClientOptions options in invalid)
            {
                Check.Fails(BitsStatus.InvalidArgument, () => new BitsClient(options));
            }

            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { NoProgressTimeout = Negative }));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { RateLimit = -1 }));
            var policy = new RetryPolicy(TimeSpan.Zero, Negative);
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { Retry = policy }));
        }

        [Test]
        public static void A_run_times_out()
        {
            using var fixture = new Fixture();
            using FakeServer peer = FakeServer.Responding("503 Service Unavailable");
            using var client = new BitsClient(new BitsClientOptions { Timeout = TimeSpan.FromMilliseconds(1) });
            Check.Fails(BitsStatus.Timeout, () => client.Upload(fixture.Source, peer.Url));
        }

        [Test]
        public static void The_rate_limit_is_respected()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            using var client = new BitsClient(new BitsClientOptions { RateLimit = 1_000_000 });
            var watch = System.Diagnostics.Stopwatch.StartNew();
            client.Upload(fixture.Source, fixture.Url());
            Check.That(watch.Elapsed > TimeSpan.FromMilliseconds(200), $"300 kB at 1 MB/s took {watch.Elapsed}");
        }

        [Test]
        public static void Invalid_engine_options_are_rejected()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            BitsEngineOptions[] invalid =
            {
                new BitsEngineOptions { PublicUrl = "no url" },
                new BitsEngineOptions { HostId = "no host" },
                new BitsEngineOptions { Overlap = (OverlapPolicy)99 },
                new BitsEngineOptions { FinalizeOn = (FinalizeOn)99 },
                new BitsEngineOptions { Hooks = new BitsHooks { Notify = new NotifyOptions((NotifyKind)99, "/", TimeSpan.FromDays(1)) } },
            };
            foreach (BitsEngineOptions options in invalid)
            {
                options.Root = fixture.Root;
                Check.Fails(BitsStatus.InvalidArgument, () => new BitsEngine(options));
                Garbage.Collect();
            }

            Check.Fails(BitsStatus.InvalidArgument, () => BitsStore.OpenDirectory(fixture.Root, (Durability)99));
            var fallback = new BitsEngineOptions { Root = fixture.Root, HostId = "host", HostIdFallbackTimeout = Negative - TimeSpan.FromSeconds(1) };
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsEngine(fallback));
        }

        [Test]
        public static void Engine_options_take_effect()
        {
            using var fixture = new Fixture();
            var visible = new List<bool>();
            var options = new BitsServerOptions
            {
                Root = fixture.Root,
                Prefix = "/in",
                AllowOverwrite = true,
                MethodOverride = true,
                MaxSessions = 1,
                MaxSessionsPerOwner = 1,
                PublicUrl = "http://bits.example/in/",
                FinalizeOn = FinalizeOn.Close,
                Hooks = new BitsHooks { OnReceived = (upload, verdict) => Check.Equal("http://bits.example/in/file.bin", upload.Url) },
            };
            using BitsServer server = BitsServer.Start(options);
            using var client = new BitsClient(new BitsClientOptions { MethodOverride = true });
            string file = Path.Combine(fixture.Root, "file.bin");
            var states = new UploadOptions { OnState = (from, to) => visible.Add(File.Exists(file)) };
            client.Upload(fixture.Source, server.Url + "in/file.bin", states);
            Check.Equal("False False False True", string.Join(" ", visible));
            client.Upload(fixture.Source, server.Url + "in/file.bin");
            Check.Throws<BitsException>(() => client.Upload(fixture.Source, server.Url + "out/file.bin"));
            server.Stop();
        }

        [Test]
        public static void Fragment_size_and_session_timeout_are_limited()
        {
            using var fixture = new Fixture();
            var stored = new List<long>();
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = fixture.Root,
                MaxFragmentSize = 60_000,
                SessionTimeout = TimeSpan.FromSeconds(1),
                Hooks = new BitsHooks { OnProgress = upload => stored.Add(upload.Received) },
            });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            Check.Fails(BitsStatus.TooLarge, () => fixture.Client.Upload(fixture.Source, server.Url + "large.bin"));
            using var client = new BitsClient(new BitsClientOptions { FragmentSize = 60_000 });
            UploadJob? running = null;
            using UploadJob job = client.CreateJob(
                fixture.Source, server.Url + "file.bin", new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal(60_000, stored.Single());
            Check.That(engine.Tick().Next <= TimeSpan.FromSeconds(1), "Tick returns when the session can expire");
            Check.Eventually(
                () =>
                {
                    engine.Tick();
                    return engine.SessionCount == 0;
                },
                "the session expires");
            Check.Equal(TimeSpan.MaxValue, engine.Tick().Next);
        }

        [Test]
        public static void Connection_timeouts_take_effect()
        {
            const string Head = "BITS_POST /x HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Ping\r\n";
            (string Sent, BitsServerOptions Options)[] all =
            {
                (Head, new BitsServerOptions { HeadTimeout = TimeSpan.FromMilliseconds(50) }),
                (Head + "Content-Length: 9\r\n\r\n", new BitsServerOptions { ReadTimeout = TimeSpan.FromMilliseconds(50) }),
                (Head + "Content-Length: 0\r\n\r\n", new BitsServerOptions { IdleTimeout = TimeSpan.FromMilliseconds(50) }),
            };
            foreach ((string sent, BitsServerOptions options) in all)
            {
                using var fixture = new Fixture(length: 0);
                options.Root = Directory.CreateDirectory(fixture.Root).FullName;
                using BitsServer server = BitsServer.Start(options);
                using var client = new TcpClient("127.0.0.1", server.Port);
                client.GetStream().Write(Encoding.ASCII.GetBytes(sent));
                _ = new StreamReader(client.GetStream()).ReadToEnd();
            }
        }

        [Test]
        public static void Invalid_server_options_are_rejected()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            BitsServerOptions[] invalid =
            {
                new BitsServerOptions { MaxWorkers = 0 },
                new BitsServerOptions { MaxConnections = 0 },
            };
            foreach (BitsServerOptions options in invalid)
            {
                options.Root = fixture.Root;
                Check.Fails(BitsStatus.InvalidArgument, () => BitsServer.Start(options));
                Garbage.Collect();
            }

            string[] addresses = { "", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1" };
            foreach (string address in addresses)
            {
                Check.Throws<ArgumentException>(() => BitsServer.Start(new BitsServerOptions { Root = fixture.Root, Listen = address }));
            }

            using BitsServer first = BitsServer.Start(new BitsServerOptions { Root = fixture.Root });
            var taken = new BitsServerOptions { Listen = $"127.0.0.1:{first.Port}", Mounts = { ["/"] = OtherEngine(fixture) } };
            Check.Equal(BitsStatusClass.Local, Check.Throws<BitsException>(() => BitsServer.Start(taken)).Class);
        }

        private static BitsEngine OtherEngine(Fixture fixture) =>
            new BitsEngine(new BitsEngineOptions { Root = Directory.CreateDirectory(fixture.In("elsewhere")).FullName });
    }
}
