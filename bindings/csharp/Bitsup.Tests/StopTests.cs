using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>A cancelled token, Cancel and Suspend end a run within 250 ms in any phase.</summary>
    internal static class StopTests
    {
        private static readonly TimeSpan StopLimit = TimeSpan.FromMilliseconds(250);

        private static readonly StopMethod[] StopMethods =
        {
            new StopMethod(BitsStatus.Suspended, token: true, (job, source) => source.Cancel()),
            new StopMethod(BitsStatus.Suspended, token: false, (job, source) => job.Suspend()),
            new StopMethod(BitsStatus.Cancelled, token: false, (job, source) => job.Cancel()),
        };

        [Test]
        public static void A_run_stops_while_connecting()
        {
            // With a full accept queue the connection attempt gets no answer.
            using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            full.Listen(0);
            Socket[] waiting = Enumerable.Range(0, 4).Select(_ => Connecting(full.LocalEndPoint!)).ToArray();
            AssertStops(reached => new Phase($"http://{full.LocalEndPoint}/file.bin")
            {
                Options = { OnState = (from, to) => reached.Set() },
            });
            Array.ForEach(waiting, socket => socket.Dispose());
        }

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_stops_while_waiting_for_a_response() =>
            AssertStops(reached => new Phase(FakeServer.NotResponding(reached)));

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_stops_while_sending() =>
            AssertStops(reached => new Phase(FakeServer.NotReading(reached)) { Length = 16 << 20 });

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_stops_while_waiting_to_retry() =>
            AssertStops(reached => new Phase(FakeServer.Responding("503 Service Unavailable"))
            {
                Options =
                {
                    OnRetry = retry =>
                    {
                        retry.Delay = TimeSpan.FromHours(1);
                        reached.Set();
                    },
                },
            });

        [Test]
        public static void A_run_stops_while_downloading_the_reply()
        {
            foreach (StopMethod method in StopMethods)
            {
                var requested = new ManualResetEventSlim();
                using FakeServer peer = FakeServer.NotResponding(requested);
                using var fixture = new Fixture();
                fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReplyUrl(peer.Url) });
                AssertStops(method, requested, new Phase(fixture.Url()) { Options = { ReplyPath = fixture.In("reply") } });
            }
        }

        [Test]
        public static void Nothing_is_sent_with_a_canceled_token()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnRequest = (upload, verdict) => throw new InvalidOperationException("a packet came") });
            var token = new CancellationToken(canceled: true);
            Check.Throws<OperationCanceledException>(() => fixture.Client.Upload(fixture.Source, fixture.Url(), cancellationToken: token));
            Task upload = fixture.Client.UploadAsync(fixture.Source, fixture.Url(), cancellationToken: token);
            Check.Throws<OperationCanceledException>(() => upload.GetAwaiter().GetResult());
            Check.That(upload.IsCanceled, "the task is cancelled, not faulted");
            fixture.Server.Stop();
        }

        [Test]
        public static void Canceling_ends_the_session_unless_StatePath_is_set()
        {
            using var fixture = new Fixture();
            var engine = new BitsEngine(new BitsEngineOptions { Root = fixture.Root });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            foreach (string? state in new[] { null, fixture.In("state") })
            {
                var source = new CancellationTokenSource();
                var options = new UploadOptions { StatePath = state, OnProgress = progress => source.Cancel() };
                Check.Throws<OperationCanceledException>(
                    () => fixture.Client.Upload(fixture.Source, server.Url + "file.bin", options, cancellationToken: source.Token));
                Check.Equal(state == null ? 0 : 1, engine.SessionCount);
            }

            var first = new UploadOptions { StatePath = fixture.In("state") };
            long? begins = null;
            fixture.Client.Upload(fixture.Source, server.Url + "file.bin", first, new SyncProgress<UploadProgress>(progress => begins ??= progress.Sent));
            Check.Equal(100_000, begins);
            Check.Same(fixture.Content, fixture.Received());
            engine.Dispose();
        }

        [Test("B-SUSPEND-02")]
        public static void A_job_can_be_suspended_in_its_callback_and_run_again()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            UploadJob? running = null;
            bool once = false;
            using UploadJob job = fixture.Client.CreateJob(fixture.Source, fixture.Url(), new UploadOptions
            {
                OnProgress = progress =>
                {
                    if (!once)
                    {
                        once = true;
                        running!.Suspend();
                    }
                },
            });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal(JobState.Suspended, job.State);
            Check.That(job.SessionId != null, "the session still exists");
            job.Run();
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test("B-CANCEL-01")]
        public static void A_canceled_job_cannot_be_run_again()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            UploadJob? running = null;
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, fixture.Url(), new UploadOptions { OnProgress = progress => running!.Cancel() });
            running = job;
            Check.Fails(BitsStatus.Cancelled, () => job.Run());
            Check.Equal(JobState.Cancelled, job.State);
            Check.That(Check.Throws<BitsException>(() => job.Run()).Status != 0, "the run reports an error");
            Check.That(!File.Exists(Path.Combine(fixture.Root, "file.bin")), "there is no file");
        }

        [Test("B-CANCEL-02")]
        public static void Cancel_without_a_run_ends_the_session_on_the_server()
        {
            using var fixture = new Fixture();
            var ends = new List<SessionEndReason>();
            fixture.Serve(new BitsHooks { OnEnd = (upload, reason) => ends.Add(reason) });
            UploadJob? running = null;
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, fixture.Url(), new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal(0, ends.Count);
            job.Cancel();
            Check.Equal(SessionEndReason.Cancelled, ends.Single());
            Check.Equal(JobState.Cancelled, job.State);
        }

        [Test("B-LIFE-01")]
        public static void Disposing_a_running_job_ends_its_run()
        {
            using var fixture = new Fixture();
            var requested = new ManualResetEventSlim();
            using FakeServer peer = FakeServer.NotResponding(requested);
            UploadJob job = fixture.Client.CreateJob(fixture.Source, peer.Url);
            Task run = job.RunAsync();
            requested.Wait();
            job.Dispose();
            Check.Fails(BitsStatus.Suspended, () => run.GetAwaiter().GetResult());
            Check.Throws<ObjectDisposedException>(() => job.Run());
            job.Dispose();
        }

        private static Socket Connecting(EndPoint server)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            try
            {
                socket.Connect(server);
            }
            catch (SocketException pending) when (pending.SocketErrorCode == SocketError.WouldBlock || pending.SocketErrorCode == SocketError.InProgress)
            {
            }

            return socket;
        }

        private static void AssertStops(Func<ManualResetEventSlim, Phase> make)
        {
            foreach (StopMethod method in StopMethods)
            {
                var reached = new ManualResetEventSlim();
                using Phase phase = make(reached);
                AssertStops(method, reached, phase);
            }
        }

        private static void AssertStops(StopMethod method, ManualResetEventSlim reached, Phase phase)
        {
            using var client = new BitsClient(new BitsClientOptions { FragmentSize = phase.Length });
            using UploadJob job = client.CreateJob(new byte[phase.Length], phase.Url, phase.Options);
            using var source = new CancellationTokenSource();
            Task run = job.RunAsync(source.Token);
            Check.That(reached.Wait(TimeSpan.FromSeconds(20)), "the run reaches the phase");
            Check.That(!run.IsCompleted, "the run is in progress");
            var watch = Stopwatch.StartNew();
            method.Stop(job, source);
            Exception ended = Check.Throws<Exception>(() => run.GetAwaiter().GetResult());
            Check.That(watch.Elapsed < StopLimit, $"it ended within 250 ms: {watch.ElapsedMilliseconds}");
            BitsException failure = ended as BitsException ?? (BitsException)ended.InnerException!;
            Check.Equal(method.Status, failure.Status);
            Check.Equal(method.Token, run.IsCanceled);
            Check.Equal(method.Status == BitsStatus.Cancelled, job.State == JobState.Cancelled);
        }

        /// <summary>A method to stop a run, and its expected outcome.</summary>
        private sealed class StopMethod
        {
            public StopMethod(BitsStatus status, bool token, Action<UploadJob, CancellationTokenSource> stop) =>
                (Status, Token, Stop) = (status, token, stop);

            public BitsStatus Status { get; }

            public bool Token { get; }

            public Action<UploadJob, CancellationTokenSource> Stop { get; }
        }

        /// <summary>The phase of a run in which it is stopped.</summary>
        private sealed class Phase : IDisposable
        {
            private readonly FakeServer? server;

            public Phase(string url) => Url = url;

            public Phase(FakeServer server) : this(server.Url) => this.server = server;

            public string Url { get; }

            public int Length { get; set; } = 1000;

            public UploadOptions Options { get; } = new UploadOptions();

            public void Dispose() => this.server?.Dispose();
        }
    }
}
