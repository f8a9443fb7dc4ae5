using System;
using System.Collections.Concurrent;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    internal static class ErrorTests
    {
        private static readonly byte[] Some = { 1, 2, 3 };

        [Test("B-ERROR-01")]
        public static void What_the_caller_does_wrong_is_said()
        {
            using var bench = new Bench();
            BitsException failure = Check.Fails(BitsStatus.InvalidArgument, () => bench.Client.CreateJob(Some, "no url"));
            Check.Equal("BITSUP_E_INVALID_ARGUMENT", failure.StatusName);
            Check.Equal((BitsStatusClass.Usage, 0, BitsErrorContext.None), (failure.Class, failure.HttpStatus, failure.Context));
            Check.That(failure.Message.Length > 10, failure.Message);
            Check.Fails(BitsStatus.InvalidArgument, () => new BitsClient(new BitsClientOptions { UserAgent = "two\r\nlines" }));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { FragmentSize = -1 }));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { Timeout = TimeSpan.FromSeconds(-1) }));
            Check.Throws<ArgumentException>(() => BitsServer.Start(new BitsServerOptions { Root = bench.Root, Listen = "8080" }));
            Check.Fails(BitsStatus.InvalidState, () => BitsServer.Start(new BitsServerOptions()));
            Check.Throws<ArgumentNullException>(() => bench.Client.Ping(null!));
            var closed = new BitsClient();
            closed.Dispose();
            Check.Throws<ObjectDisposedException>(() => closed.Ping("http://127.0.0.1/"));
        }

        [Test]
        public static void Text_that_C_would_see_otherwise_is_refused()
        {
            using var client = new BitsClient();
            Check.Throws<ArgumentException>(() => client.Ping("http://127.0.0.1/\0x"));
            Check.Throws<ArgumentException>(() => client.Ping("http://127.0.0.1/\ud800"));
        }

        [Test("B-ERROR-02")]
        public static void What_this_machine_cannot_do_is_said()
        {
            using var bench = new Bench();
            bench.Serve();
            Check.Fails(BitsStatus.NotFound, () => bench.Client.Upload(bench.In("missing"), bench.Url()));
            Check.Fails(BitsStatus.NotFound, () => BitsStore.OpenDirectory(bench.In("missing")));
            Check.Fails(BitsStatus.Busy, () => BitsStore.OpenDirectory(bench.Root));
            var changes = new UploadOptions { OnProgress = progress => File.AppendAllText(bench.Source, "more") };
            Check.Fails(BitsStatus.SourceChanged, () => bench.Client.Upload(bench.Source, bench.Url(), changes));
        }

        [Test("B-ERROR-03")]
        public static void What_the_network_cannot_do_is_said()
        {
            using var bench = new Bench();
            bench.Serve();
            string url = bench.Url();
            bench.Server.Stop();
            BitsException failure = Check.Fails(BitsStatus.Connect, () => bench.Client.Ping(url));
            Check.Equal((true, 0x80072EFDu, BitsStatusClass.Network), (failure.IsTransient, failure.BitsHResult, failure.Class));
        }

        [Test("B-ERROR-04")]
        public static void What_the_server_refuses_is_said()
        {
            using var bench = new Bench();
            var limited = new BitsEngineOptions { Root = bench.Root, MaxUploadSize = bench.Content.Length };
            using var engine = new BitsEngine(limited);
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            string url = server.Url + "file.bin";
            bench.Client.Upload(bench.Source, url);
            BitsException exists = Check.Fails(BitsStatus.ServerFault, () => bench.Client.Upload(bench.Source, url));
            Check.Equal((403, 0x80070005u), (exists.HttpStatus, exists.BitsHResult));
            using UploadJob large = bench.Client.CreateJob(new byte[bench.Content.Length + 1], server.Url + "large");
            Check.Fails(BitsStatus.TooLarge, () => large.Run());
            Check.Fails(BitsStatus.SessionNotFound, () => engine.EndSession("{00000000-0000-0000-0000-000000000000}"));
        }

        [Test("B-ERROR-05")]
        public static void What_a_callback_throws_is_thrown_by_the_call_with_its_own_stack()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Some) });
            using Peer broken = Peer.Answering("503 Service Unavailable");
            UploadOptions[] all =
            {
                new UploadOptions { OnProgress = progress => Thrower() },
                new UploadOptions { OnReplyProgress = progress => Thrower(), ReplyPath = bench.In("reply") },
                new UploadOptions { OnState = (from, to) => Thrower() },
                new UploadOptions { OnRetry = retry => Thrower() },
                new UploadOptions { OnRetry = retry => retry.Delay = TimeSpan.FromSeconds(-1) },
            };
            foreach (UploadOptions options in all)
            {
                string url = options.OnRetry == null ? bench.Url() : broken.Url;
                using UploadJob job = bench.Client.CreateJob(bench.Source, url, options);
                Exception thrown = Check.Throws<Exception>(() => job.Run());
                bool own = options.OnRetry != null && thrown is ArgumentOutOfRangeException;
                Check.That(own || (thrown is InvalidDataException && thrown.StackTrace!.Contains(nameof(Thrower))), thrown.ToString());
                Check.That(job.State != JobState.Closed, "the upload was stopped");
            }

            var reports = new Heard<UploadProgress>(progress => Thrower());
            Check.Throws<InvalidDataException>(() => bench.Client.Upload(bench.Source, bench.Url("other"), progress: reports));
            Task upload = bench.Client.UploadAsync(bench.Source, bench.Url("another"), progress: reports);
            Check.Throws<InvalidDataException>(() => upload.GetAwaiter().GetResult());
        }

        [Test("B-ERROR-05")]
        public static void What_a_listener_of_a_download_throws_is_thrown_by_the_download()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Some) });
            UploadJob? running = null;
            var throws = new Heard<DownloadProgress>(progress => Thrower());
            var states = new UploadOptions
            {
                ReplyPath = bench.In("reply"),
                OnState = (from, to) =>
                {
                    if (to == JobState.Transferred)
                    {
                        string url = running!.ReplyUrl!;
                        Check.Throws<InvalidDataException>(() => bench.Client.Download(url, bench.In("again"), throws));
                    }
                },
            };
            using UploadJob job = bench.Client.CreateJob(bench.Source, bench.Url(), states);
            running = job;
            job.Run();
            Check.That(!File.Exists(bench.In("again")), "the download was stopped");
        }

        [Test("B-ERROR-05")]
        public static void What_a_hook_throws_is_thrown_by_the_stop_of_its_server()
        {
            foreach (BitsHooks hooks in new[]
            {
                new BitsHooks { OnRequest = (upload, verdict) => Thrower() },
                new BitsHooks { OnCreate = (upload, verdict) => Thrower() },
                new BitsHooks { OnReceived = (upload, verdict) => Thrower() },
                new BitsHooks { OnProgress = upload => Thrower() },
                new BitsHooks { OnEnd = (upload, reason) => Thrower() },
                new BitsHooks { OnProgress = upload => throw new IOException(), OnException = exception => Thrower() },
            })
            {
                using var bench = new Bench();
                bench.Serve(hooks);
                using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
                bool decides = hooks.OnRequest != null || hooks.OnCreate != null || hooks.OnReceived != null;
                Action upload = () => client.Upload(bench.Source, bench.Url());
                Check.That(!decides || Check.Throws<BitsException>(upload).HttpStatus == 500, "what decides refuses");
                if (!decides)
                {
                    upload();
                }

                InvalidDataException thrown = Check.Throws<InvalidDataException>(() => bench.Server.Stop());
                Check.That(thrown.StackTrace!.Contains(nameof(Thrower)), "it has its own stack");
                bench.Server.Stop();
            }
        }

        [Test("B-ERROR-05")]
        public static void What_a_hook_throws_inside_a_call_is_thrown_by_that_call()
        {
            using var bench = new Bench();
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = bench.Root,
                Hooks = new BitsHooks { OnEnd = (upload, reason) => Thrower() },
            });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            UploadJob? running = null;
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, server.Url + "file.bin", new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Throws<InvalidDataException>(() => engine.EndSession(job.SessionId!));
            Check.Equal(0L, engine.SessionCount);
            server.Stop();
        }

        [Test("B-ERROR-06")]
        public static void Jobs_whose_callbacks_fail_get_each_its_own()
        {
            using var bench = new Bench();
            bench.Serve();
            var thrown = new ConcurrentDictionary<int, Exception>();
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
            {
                var own = new Heard<UploadProgress>(progress => throw new InvalidDataException($"{number}"));
                thrown[number] = Check.Throws<InvalidDataException>(
                    () => bench.Client.Upload(bench.Source, bench.Url($"{number}"), progress: own));
            });
            Check.That(thrown.All(one => one.Value.Message == $"{one.Key}"), "none is mixed up");
        }

        [Test]
        public static void Every_status_of_the_library_has_a_name_here()
        {
            FieldInfo[] constants = typeof(Native).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
                .Where(field => field.IsLiteral && field.Name.StartsWith("BITSUP_E_", StringComparison.Ordinal))
                .ToArray();
            Check.That(constants.Length > 20, "there are some");
            foreach (FieldInfo constant in constants)
            {
                string name = constant.Name.Substring("BITSUP_E_".Length).Replace("_", "");
                var status = (BitsStatus)constant.GetRawConstantValue()!;
                Check.Equal(name, status.ToString().ToUpperInvariant());
            }
        }

        private static void Thrower() => throw new InvalidDataException("thrown by a callback");
    }
}
