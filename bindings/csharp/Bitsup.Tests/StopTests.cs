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
    /// <summary>A cancelled token, Cancel and Suspend end a run within 250 ms, wherever it is.</summary>
    internal static class StopTests
    {
        private static readonly TimeSpan Allowed = TimeSpan.FromMilliseconds(250);

        private static readonly Way[] Ways =
        {
            new Way(BitsStatus.Suspended, token: true, (job, source) => source.Cancel()),
            new Way(BitsStatus.Suspended, token: false, (job, source) => job.Suspend()),
            new Way(BitsStatus.Cancelled, token: false, (job, source) => job.Cancel()),
        };

        [Test]
        public static void A_run_that_connects_ends_at_once()
        {
            // A queue that is full: nothing is answered, not even the first packet.
            using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            full.Listen(0);
            Socket[] waiting = Enumerable.Range(0, 4).Select(_ => Connecting(full.LocalEndPoint!)).ToArray();
            EndsInTime(reached => new Phase($"http://{full.LocalEndPoint}/file.bin")
            {
                Options = { OnState = (from, to) => reached.Set() },
            });
            Array.ForEach(waiting, socket => socket.Dispose());
        }

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_that_waits_for_an_answer_ends_at_once() =>
            EndsInTime(reached => new Phase(Peer.Silent(reached)));

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_that_sends_ends_at_once() =>
            EndsInTime(reached => new Phase(Peer.Deaf(reached)) { Length = 16 << 20 });

        [Test("B-SUSPEND-01", "B-CANCEL-01")]
        public static void A_run_that_waits_before_the_next_try_ends_at_once() =>
            EndsInTime(reached => new Phase(Peer.Answering("503 Service Unavailable"))
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
        public static void A_run_that_fetches_its_reply_ends_at_once()
        {
            foreach (Way way in Ways)
            {
                var asked = new ManualResetEventSlim();
                using Peer peer = Peer.Silent(asked);
                using var bench = new Bench();
                bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReplyUrl(peer.Url) });
                EndsInTime(way, asked, new Phase(bench.Url()) { Options = { ReplyPath = bench.In("reply") } });
            }
        }

        [Test]
        public static void A_token_that_was_cancelled_before_sends_nothing()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnRequest = (upload, verdict) => throw new InvalidOperationException("a packet came") });
            var token = new CancellationToken(canceled: true);
            Check.Throws<OperationCanceledException>(() => bench.Client.Upload(bench.Source, bench.Url(), cancellationToken: token));
            Task upload = bench.Client.UploadAsync(bench.Source, bench.Url(), cancellationToken: token);
            Check.Throws<OperationCanceledException>(() => upload.GetAwaiter().GetResult());
            Check.That(upload.IsCanceled, "the task is cancelled, not faulted");
            bench.Server.Stop();
        }

        [Test]
        public static void Cancelling_gives_up_the_session_unless_its_state_is_kept()
        {
            using var bench = new Bench();
            var engine = new BitsEngine(new BitsEngineOptions { Root = bench.Root });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            foreach (string? state in new[] { null, bench.In("state") })
            {
                var source = new CancellationTokenSource();
                var options = new UploadOptions { StatePath = state, OnProgress = progress => source.Cancel() };
                Check.Throws<OperationCanceledException>(
                    () => bench.Client.Upload(bench.Source, server.Url + "file.bin", options, cancellationToken: source.Token));
                Check.Equal(state == null ? 0 : 1, engine.SessionCount);
            }

            var first = new UploadOptions { StatePath = bench.In("state") };
            long? begins = null;
            bench.Client.Upload(bench.Source, server.Url + "file.bin", first, new Heard<UploadProgress>(progress => begins ??= progress.Sent));
            Check.Equal(100_000, begins);
            Check.Same(bench.Content, bench.Received());
            engine.Dispose();
        }

        [Test("B-SUSPEND-02")]
        public static void A_job_can_be_suspended_from_its_own_callback_and_run_again()
        {
            using var bench = new Bench();
            bench.Serve();
            UploadJob? running = null;
            bool once = false;
            using UploadJob job = bench.Client.CreateJob(bench.Source, bench.Url(), new UploadOptions
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
            Check.That(job.SessionId != null, "the session is still there");
            job.Run();
            Check.Same(bench.Content, bench.Received());
        }

        [Test("B-CANCEL-01")]
        public static void A_cancelled_job_cannot_be_run_any_more()
        {
            using var bench = new Bench();
            bench.Serve();
            UploadJob? running = null;
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, bench.Url(), new UploadOptions { OnProgress = progress => running!.Cancel() });
            running = job;
            Check.Fails(BitsStatus.Cancelled, () => job.Run());
            Check.Equal(JobState.Cancelled, job.State);
            Check.That(Check.Throws<BitsException>(() => job.Run()).Status != 0, "it says so");
            Check.That(!File.Exists(Path.Combine(bench.Root, "file.bin")), "there is no file");
        }

        [Test("B-CANCEL-02")]
        public static void Cancelling_without_a_run_ends_the_session_on_the_server()
        {
            using var bench = new Bench();
            var ends = new List<SessionEndReason>();
            bench.Serve(new BitsHooks { OnEnd = (upload, reason) => ends.Add(reason) });
            UploadJob? running = null;
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, bench.Url(), new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal(0, ends.Count);
            job.Cancel();
            Check.Equal(SessionEndReason.Cancelled, ends.Single());
            Check.Equal(JobState.Cancelled, job.State);
        }

        [Test("B-LIFE-01")]
        public static void Disposing_of_a_running_job_ends_its_run()
        {
            using var bench = new Bench();
            var asked = new ManualResetEventSlim();
            using Peer peer = Peer.Silent(asked);
            UploadJob job = bench.Client.CreateJob(bench.Source, peer.Url);
            Task run = job.RunAsync();
            asked.Wait();
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

        private static void EndsInTime(Func<ManualResetEventSlim, Phase> make)
        {
            foreach (Way way in Ways)
            {
                var reached = new ManualResetEventSlim();
                using Phase phase = make(reached);
                EndsInTime(way, reached, phase);
            }
        }

        private static void EndsInTime(Way way, ManualResetEventSlim reached, Phase phase)
        {
            using var client = new BitsClient(new BitsClientOptions { FragmentSize = phase.Length });
            using UploadJob job = client.CreateJob(new byte[phase.Length], phase.Url, phase.Options);
            using var source = new CancellationTokenSource();
            Task run = job.RunAsync(source.Token);
            Check.That(reached.Wait(TimeSpan.FromSeconds(20)), "the run gets that far");
            Check.That(!run.IsCompleted, "the run is under way");
            var watch = Stopwatch.StartNew();
            way.Stop(job, source);
            Exception ended = Check.Throws<Exception>(() => run.GetAwaiter().GetResult());
            Check.That(watch.Elapsed < Allowed, $"it ended within 250 ms: {watch.ElapsedMilliseconds}");
            BitsException failure = ended as BitsException ?? (BitsException)ended.InnerException!;
            Check.Equal(way.Status, failure.Status);
            Check.Equal(way.Token, run.IsCanceled);
            Check.Equal(way.Status == BitsStatus.Cancelled, job.State == JobState.Cancelled);
        }

        /// <summary>How a run is ended, and what that looks like.</summary>
        private sealed class Way
        {
            public Way(BitsStatus status, bool token, Action<UploadJob, CancellationTokenSource> stop) =>
                (Status, Token, Stop) = (status, token, stop);

            public BitsStatus Status { get; }

            public bool Token { get; }

            public Action<UploadJob, CancellationTokenSource> Stop { get; }
        }

        /// <summary>Where a run is brought before it is ended.</summary>
        private sealed class Phase : IDisposable
        {
            private readonly Peer? peer;

            public Phase(string url) => Url = url;

            public Phase(Peer peer) : this(peer.Url) => this.peer = peer;

            public string Url { get; }

            public int Length { get; set; } = 1000;

            public UploadOptions Options { get; } = new UploadOptions();

            public void Dispose() => this.peer?.Dispose();
        }
    }
}
