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
        private static readonly byte[] SmallContent = { 1, 2, 3 };

        [Test("B-ERROR-01")]
        public static void Usage_errors_are_reported()
        {
            using var fixture = new Fixture();
            BitsException failure = Check.Fails(BitsStatus.InvalidArgument, () => fixture.Client.CreateJob(SmallContent, "no url"));
            Check.Equal("BITSUP_E_INVALID_ARGUMENT", failure.StatusName);
            Check.Equal((BitsStatusClass.Usage, 0, BitsErrorContext.None), (failure.Class, failure.HttpStatus, failure.Context));
            Check.That(failure.Message.Length > 10, failure.Message);
            Check.Fails(BitsStatus.InvalidArgument, () => new BitsClient(new BitsClientOptions { UserAgent = "two\r\nlines" }));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { FragmentSize = -1 }));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { Timeout = TimeSpan.FromSeconds(-1) }));
            Check.Throws<ArgumentException>(() => BitsServer.Start(new BitsServerOptions { Root = fixture.Root, Listen = "8080" }));
            Check.Fails(BitsStatus.InvalidState, () => BitsServer.Start(new BitsServerOptions()));
            Check.Throws<ArgumentNullException>(() => fixture.Client.Ping(null!));
            var closed = new BitsClient();
            closed.Dispose();
            Check.Throws<ObjectDisposedException>(() => closed.Ping("http://127.0.0.1/"));
        }

        [Test]
        public static void Text_that_cannot_be_passed_to_C_is_rejected()
        {
            using var client = new BitsClient();
            Check.Throws<ArgumentException>(() => client.Ping("http://127.0.0.1/\0x"));
            Check.Throws<ArgumentException>(() => client.Ping("http://127.0.0.1/\ud800"));
        }

        [Test("B-ERROR-02")]
        public static void Local_errors_are_reported()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            Check.Fails(BitsStatus.NotFound, () => fixture.Client.Upload(fixture.In("missing"), fixture.Url()));
            Check.Fails(BitsStatus.NotFound, () => BitsStore.OpenDirectory(fixture.In("missing")));
            Check.Fails(BitsStatus.Busy, () => BitsStore.OpenDirectory(fixture.Root));
            var changes = new UploadOptions { OnProgress = progress => File.AppendAllText(fixture.Source, "more") };
            Check.Fails(BitsStatus.SourceChanged, () => fixture.Client.Upload(fixture.Source, fixture.Url(), changes));
        }

        [Test("B-ERROR-03")]
        public static void Network_errors_are_reported()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            string url = fixture.Url();
            fixture.Server.Stop();
            BitsException failure = Check.Fails(BitsStatus.Connect, () => fixture.Client.Ping(url));
            Check.Equal((true, 0x80072EFDu, BitsStatusClass.Network), (failure.IsTransient, failure.BitsHResult, failure.Class));
        }

        [Test("B-ERROR-04")]
        public static void Refusals_of_the_server_are_reported()
        {
            using var fixture = new Fixture();
            var limited = new BitsEngineOptions { Root = fixture.Root, MaxUploadSize = fixture.Content.Length };
            using var engine = new BitsEngine(limited);
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            string url = server.Url + "file.bin";
            fixture.Client.Upload(fixture.Source, url);
            BitsException exists = Check.Fails(BitsStatus.ServerFault, () => fixture.Client.Upload(fixture.Source, url));
            Check.Equal((403, 0x80070005u), (exists.HttpStatus, exists.BitsHResult));
            using UploadJob large = fixture.Client.CreateJob(new byte[fixture.Content.Length + 1], server.Url + "large");
            Check.Fails(BitsStatus.TooLarge, () => large.Run());
            Check.Fails(BitsStatus.SessionNotFound, () => engine.EndSession("{00000000-0000-0000-0000-000000000000}"));
        }

        [Test("B-ERROR-05")]
        public static void The_call_rethrows_the_exception_of_a_callback_with_its_stack_trace()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(SmallContent) });
            using FakeServer broken = FakeServer.Responding("503 Service Unavailable");
            UploadOptions[] all =
            {
                new UploadOptions { OnProgress = progress => ThrowInvalidData() },
                new UploadOptions { OnReplyProgress = progress => ThrowInvalidData(), ReplyPath = fixture.In("reply") },
                new UploadOptions { OnState = (from, to) => ThrowInvalidData() },
                new UploadOptions { OnRetry = retry => ThrowInvalidData() },
                new UploadOptions { OnRetry = retry => retry.Delay = TimeSpan.FromSeconds(-1) },
            };
            foreach (UploadOptions options in all)
            {
                string url = options.OnRetry == null ? fixture.Url() : broken.Url;
                using UploadJob job = fixture.Client.CreateJob(fixture.Source, url, options);
                Exception thrown = Check.Throws<Exception>(() => job.Run());
                bool own = options.OnRetry != null && thrown is ArgumentOutOfRangeException;
                Check.That(own || (thrown is InvalidDataException && thrown.StackTrace!.Contains(nameof(ThrowInvalidData))), thrown.ToString());
                Check.That(job.State != JobState.Closed, "the upload was not completed");
            }

            var reports = new SyncProgress<UploadProgress>(progress => ThrowInvalidData());
            Check.Throws<InvalidDataException>(() => fixture.Client.Upload(fixture.Source, fixture.Url("other"), progress: reports));
            Task upload = fixture.Client.UploadAsync(fixture.Source, fixture.Url("another"), progress: reports);
            Check.Throws<InvalidDataException>(() => upload.GetAwaiter().GetResult());
        }

        [Test("B-ERROR-05")]
        public static void Download_rethrows_the_exception_of_its_progress_callback()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(SmallContent) });
            UploadJob? running = null;
            var throws = new SyncProgress<DownloadProgress>(progress => ThrowInvalidData());
            var states = new UploadOptions
            {
                ReplyPath = fixture.In("reply"),
                OnState = (from, to) =>
                {
                    if (to == JobState.Transferred)
                    {
                        string url = running!.ReplyUrl!;
                        Check.Throws<InvalidDataException>(() => fixture.Client.Download(url, fixture.In("again"), throws));
                    }
                },
            };
            using UploadJob job = fixture.Client.CreateJob(fixture.Source, fixture.Url(), states);
            running = job;
            job.Run();
            Check.That(!File.Exists(fixture.In("again")), "the download was stopped");
        }

        [Test("B-ERROR-05")]
        public static void Stop_throws_the_exception_of_a_hook()
        {
            foreach (BitsHooks hooks in new[]
            {
                new BitsHooks { OnRequest = (upload, verdict) => ThrowInvalidData() },
                new BitsHooks { OnCreate = (upload, verdict) => ThrowInvalidData() },
                new BitsHooks { OnReceived = (upload, verdict) => ThrowInvalidData() },
                new BitsHooks { OnProgress = upload => ThrowInvalidData() },
                new BitsHooks { OnEnd = (upload, reason) => ThrowInvalidData() },
                new BitsHooks { OnProgress = upload => throw new IOException(), OnException = exception => ThrowInvalidData() },
            })
            {
                using var fixture = new Fixture();
                fixture.Serve(hooks);
                using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
                bool decides = hooks.OnRequest != null || hooks.OnCreate != null || hooks.OnReceived != null;
                Action upload = () => client.Upload(fixture.Source, fixture.Url());
                Check.That(!decides || Check.Throws<BitsException>(upload).HttpStatus == 500, "a deciding hook that throws refuses the packet");
                if (!decides)
                {
                    upload();
                }

                InvalidDataException thrown = Check.Throws<InvalidDataException>(() => fixture.Server.Stop());
                Check.That(thrown.StackTrace!.Contains(nameof(ThrowInvalidData)), "the original stack trace is kept");
                fixture.Server.Stop();
            }
        }

        [Test("B-ERROR-05")]
        public static void A_call_rethrows_the_exception_of_a_hook_that_it_ran()
        {
            using var fixture = new Fixture();
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = fixture.Root,
                Hooks = new BitsHooks { OnEnd = (upload, reason) => ThrowInvalidData() },
            });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            UploadJob? running = null;
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, server.Url + "file.bin", new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Throws<InvalidDataException>(() => engine.EndSession(job.SessionId!));
            Check.Equal(0L, engine.SessionCount);
            server.Stop();
        }

        [Test("B-ERROR-06")]
        public static void Concurrent_jobs_each_get_the_exception_of_their_own_callback()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var thrown = new ConcurrentDictionary<int, Exception>();
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
            {
                var own = new SyncProgress<UploadProgress>(progress => throw new InvalidDataException($"{number}"));
                thrown[number] = Check.Throws<InvalidDataException>(
                    () => fixture.Client.Upload(fixture.Source, fixture.Url($"{number}"), progress: own));
            });
            Check.That(thrown.All(one => one.Value.Message == $"{one.Key}"), "exceptions are not mixed up");
        }

        [Test]
        public static void Every_native_status_has_an_enum_member()
        {
            FieldInfo[] constants = typeof(Native).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
                .Where(field => field.IsLiteral && field.Name.StartsWith("BITSUP_E_", StringComparison.Ordinal))
                .ToArray();
            Check.That(constants.Length > 20, "the constants were found");
            foreach (FieldInfo constant in constants)
            {
                string name = constant.Name.Substring("BITSUP_E_".Length).Replace("_", "");
                var status = (BitsStatus)constant.GetRawConstantValue()!;
                Check.Equal(name, status.ToString().ToUpperInvariant());
            }
        }

        private static void ThrowInvalidData() => throw new InvalidDataException("thrown by a callback");
    }
}
