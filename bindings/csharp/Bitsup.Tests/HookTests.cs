using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace Bitsup.Tests
{
    internal static class HookTests
    {
        [Test("B-HOOK-01")]
        public static void Sessions_belong_to_whom_the_application_names()
        {
            using var bench = new Bench();
            string user = "ann";
            var packets = new ConcurrentQueue<BitsPacketType>();
            bench.Serve(new BitsHooks
            {
                OnRequest = (upload, verdict) =>
                {
                    packets.Enqueue(upload.PacketType);
                    verdict.SetOwner(user);
                },
                OnCreate = (upload, verdict) => Check.Equal("ann", upload.Owner),
            });
            var options = new UploadOptions { OnProgress = progress => user = "bob" };
            BitsException refused = Check.Throws<BitsException>(() => bench.Client.Upload(bench.Source, bench.Url(), options));
            Check.Equal(403, refused.HttpStatus);
            Check.That(packets.Contains(BitsPacketType.Create) && packets.Contains(BitsPacketType.Fragment), "each packet is asked about");
            bench.Server.Stop();
        }

        [Test("B-HOOK-02")]
        public static void The_application_chooses_where_the_file_goes()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.SetDestination("inbox/chosen.bin") });
            Directory.CreateDirectory(Path.Combine(bench.Root, "inbox"));
            bench.Client.Upload(bench.Source, bench.Url());
            Check.Same(bench.Content, bench.Received("inbox/chosen.bin"));
            Check.That(!File.Exists(Path.Combine(bench.Root, "file.bin")), "it is there alone");
        }

        [Test("B-HOOK-03")]
        public static void The_application_hears_of_bytes_and_of_the_end()
        {
            using var bench = new Bench();
            var heard = new ConcurrentQueue<string>();
            bench.Serve(new BitsHooks
            {
                OnProgress = upload => heard.Enqueue($"{upload.Received}/{upload.Total}"),
                OnEnd = (upload, reason) => heard.Enqueue($"{reason} {upload.Target} {upload.Url == bench.Url()} {upload.Peer != null}"),
            });
            bench.Client.Upload(bench.Source, bench.Url());
            string expected = "100000/300000 200000/300000 300000/300000 Closed /file.bin True True";
            Check.Equal(expected, string.Join(" ", heard));
        }

        [Test("B-HOOK-05")]
        public static void What_a_hook_was_shown_is_over_when_it_has_returned()
        {
            using var bench = new Bench();
            (BitsUpload? upload, BitsVerdict? verdict) = (null, null);
            bench.Serve(new BitsHooks { OnReceived = (seen, decided) => (upload, verdict) = (seen, decided) });
            bench.Client.Upload(bench.Source, bench.Url());
            Check.Throws<ObjectDisposedException>(() => _ = upload!.Target);
            Check.Throws<ObjectDisposedException>(() => upload!.Header("Host"));
            Check.Throws<ObjectDisposedException>(() => verdict!.Reject(403));
        }

        [Test("B-HOOK-06")]
        public static void An_application_that_throws_is_answered_with_500_in_its_context()
        {
            var thrown = new InvalidDataException("not today");
            foreach (string hook in new[] { "request", "create", "received" })
            {
                using var bench = new Bench();
                var reported = new ConcurrentQueue<Exception>();
                Action<BitsUpload, BitsVerdict> throws = (upload, verdict) => throw thrown;
                bench.Serve(new BitsHooks
                {
                    OnRequest = hook == "request" ? throws : null,
                    OnCreate = hook == "create" ? throws : null,
                    OnReceived = hook == "received" ? throws : null,
                    OnException = reported.Enqueue,
                });
                using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
                BitsException failure = Check.Throws<BitsException>(() => client.Upload(bench.Source, bench.Url()));
                Check.Equal(500, failure.HttpStatus);
                Check.Equal(BitsErrorContext.Application, failure.Context);
                Check.That(reported.All(one => one == thrown) && !reported.IsEmpty, $"the listener gets what {hook} threw");
                bench.Server.Stop();
            }
        }

        [Test("B-HOOK-07")]
        public static void A_server_that_its_own_hook_stops_answers_busy_and_stops()
        {
            using var bench = new Bench();
            var busy = new ConcurrentQueue<BitsStatus>();
            BitsServer server = bench.Serve(new BitsHooks
            {
                OnCreate = (upload, verdict) =>
                    busy.Enqueue(Check.Throws<BitsException>(() => bench.Server.Stop()).Status),
            });
            using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
            Check.Throws<BitsException>(() => client.Upload(bench.Source, bench.Url()));
            Check.Equal(BitsStatus.Busy, busy.Single());
            server.Stop();
            Check.Fails(BitsStatus.Connect, () => client.Ping(server.Url));
        }

        [Test("B-REJECT-01")]
        public static void What_a_hook_rejects_with_arrives_at_the_client()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(409, 0x80070050, BitsErrorContext.Server) });
            BitsException refused = Check.Throws<BitsException>(() => bench.Client.Upload(bench.Source, bench.Url()));
            Check.Equal((409, 0x80070050, BitsErrorContext.Server), (refused.HttpStatus, refused.BitsHResult, refused.Context));
            Check.Equal(BitsStatusClass.Peer, refused.Class);
        }

        [Test("B-REJECT-02")]
        public static void A_complete_file_that_is_refused_for_good_is_not_there()
        {
            using var bench = new Bench();
            int asked = 0;
            bench.Serve(new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    asked++;
                    verdict.Reject(403);
                },
            });
            BitsException refused = Check.Throws<BitsException>(() => bench.Client.Upload(bench.Source, bench.Url()));
            Check.Equal((403, false, 1), (refused.HttpStatus, refused.IsTransient, asked));
            Check.That(!File.Exists(Path.Combine(bench.Root, "file.bin")), "there is no file");
        }

        [Test]
        public static void A_status_that_refuses_nothing_is_the_callers_fault()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(200) });
            Check.Equal(500, Check.Throws<BitsException>(() => Quick().Upload(bench.Source, bench.Url())).HttpStatus);
            Check.Throws<ArgumentOutOfRangeException>(() => bench.Server.Stop());
        }

        [Test]
        public static void Engines_are_mounted_beside_each_other_and_sessions_can_be_ended()
        {
            using var bench = new Bench();
            Directory.CreateDirectory(bench.In("other"));
            using var one = new BitsEngine(new BitsEngineOptions { Store = BitsStore.OpenDirectory(bench.Root, Durability.None) });
            using var two = new BitsEngine(new BitsEngineOptions { Root = bench.In("other"), MaxUploadSize = 10 });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/one"] = one, ["/two"] = two } });
            UploadJob? running = null;
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, server.Url + "one/file.bin", new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal((1L, 0L), (one.SessionCount, two.SessionCount));
            Check.Equal(0L, one.Tick().Expired);
            one.EndSession(job.SessionId!);
            Check.Equal(0L, one.SessionCount);
            Check.Fails(BitsStatus.SessionNotFound, () => one.EndSession(job.SessionId!));
            Check.Fails(BitsStatus.TooLarge, () => bench.Client.Upload(bench.Source, server.Url + "two/file.bin"));
        }

        [Test]
        public static void An_application_behind_a_URL_decides()
        {
            foreach ((string answer, bool takes) in new[] { ("200 OK", true), ("403 Forbidden", false) })
            {
                using Peer application = Peer.Answering(answer, "BITS-Copy-File-To-Destination: yes\r\n");
                using var bench = new Bench();
                bench.Serve(new BitsHooks
                {
                    Notify = new NotifyOptions(NotifyKind.ByReference, application.Url, TimeSpan.FromSeconds(20)),
                });
                Action upload = () => bench.Client.Upload(bench.Source, bench.Url());
                Check.That(takes || Check.Throws<BitsException>(upload).HttpStatus == 403, "the client hears what it says");
                if (takes)
                {
                    upload();
                }

                Check.Equal(takes, File.Exists(Path.Combine(bench.Root, "file.bin")));
            }
        }

        private static BitsClient Quick() => new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
    }
}
