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
        public static void A_session_belongs_to_the_owner_set_by_the_hook()
        {
            using var fixture = new Fixture();
            string user = "ann";
            var packets = new ConcurrentQueue<BitsPacketType>();
            fixture.Serve(new BitsHooks
            {
                OnRequest = (upload, verdict) =>
                {
                    packets.Enqueue(upload.PacketType);
                    verdict.SetOwner(user);
                },
                OnCreate = (upload, verdict) => Check.Equal("ann", upload.Owner),
            });
            var options = new UploadOptions { OnProgress = progress => user = "bob" };
            BitsException refused = Check.Throws<BitsException>(() => fixture.Client.Upload(fixture.Source, fixture.Url(), options));
            Check.Equal(403, refused.HttpStatus);
            Check.That(packets.Contains(BitsPacketType.Create) && packets.Contains(BitsPacketType.Fragment), "OnRequest is called for each packet");
            fixture.Server.Stop();
        }

        [Test("B-HOOK-02")]
        public static void A_hook_sets_the_destination()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.SetDestination("inbox/chosen.bin") });
            Directory.CreateDirectory(Path.Combine(fixture.Root, "inbox"));
            fixture.Client.Upload(fixture.Source, fixture.Url());
            Check.Same(fixture.Content, fixture.Received("inbox/chosen.bin"));
            Check.That(!File.Exists(Path.Combine(fixture.Root, "file.bin")), "there is no second copy");
        }

        [Test("B-HOOK-03")]
        public static void Hooks_report_progress_and_the_end_of_the_session()
        {
            using var fixture = new Fixture();
            var received = new ConcurrentQueue<string>();
            fixture.Serve(new BitsHooks
            {
                OnProgress = upload => received.Enqueue($"{upload.Received}/{upload.Total}"),
                OnEnd = (upload, reason) => received.Enqueue($"{reason} {upload.Target} {upload.Url == fixture.Url()} {upload.Peer != null}"),
            });
            fixture.Client.Upload(fixture.Source, fixture.Url());
            string expected = "100000/300000 200000/300000 300000/300000 Closed /file.bin True True";
            Check.Equal(expected, string.Join(" ", received));
        }

        [Test("B-HOOK-05")]
        public static void Arguments_of_a_hook_are_invalid_after_it_returned()
        {
            using var fixture = new Fixture();
            (BitsUpload? upload, BitsVerdict? verdict) = (null, null);
            fixture.Serve(new BitsHooks { OnReceived = (seen, decided) => (upload, verdict) = (seen, decided) });
            fixture.Client.Upload(fixture.Source, fixture.Url());
            Check.Throws<ObjectDisposedException>(() => _ = upload!.Target);
            Check.Throws<ObjectDisposedException>(() => upload!.Header("Host"));
            Check.Throws<ObjectDisposedException>(() => verdict!.Reject(403));
        }

        [Test("B-HOOK-06")]
        public static void An_exception_of_a_hook_results_in_500_with_the_application_context()
        {
            var thrown = new InvalidDataException("not today");
            foreach (string hook in new[] { "request", "create", "received" })
            {
                using var fixture = new Fixture();
                var reported = new ConcurrentQueue<Exception>();
                Action<BitsUpload, BitsVerdict> throws = (upload, verdict) => throw thrown;
                fixture.Serve(new BitsHooks
                {
                    OnRequest = hook == "request" ? throws : null,
                    OnCreate = hook == "create" ? throws : null,
                    OnReceived = hook == "received" ? throws : null,
                    OnException = reported.Enqueue,
                });
                using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
                BitsException failure = Check.Throws<BitsException>(() => client.Upload(fixture.Source, fixture.Url()));
                Check.Equal(500, failure.HttpStatus);
                Check.Equal(BitsErrorContext.Application, failure.Context);
                Check.That(reported.All(one => one == thrown) && !reported.IsEmpty, $"OnException receives what {hook} threw");
                fixture.Server.Stop();
            }
        }

        [Test("B-HOOK-07")]
        public static void Stop_called_by_a_hook_returns_busy_and_stops_the_server()
        {
            using var fixture = new Fixture();
            var busy = new ConcurrentQueue<BitsStatus>();
            BitsServer server = fixture.Serve(new BitsHooks
            {
                OnCreate = (upload, verdict) =>
                    busy.Enqueue(Check.Throws<BitsException>(() => fixture.Server.Stop()).Status),
            });
            using var client = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
            Check.Throws<BitsException>(() => client.Upload(fixture.Source, fixture.Url()));
            Check.Equal(BitsStatus.Busy, busy.Single());
            server.Stop();
            Check.Fails(BitsStatus.Connect, () => client.Ping(server.Url));
        }

        [Test("B-REJECT-01")]
        public static void The_client_receives_the_error_of_a_rejecting_hook()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(409, 0x80070050, BitsErrorContext.Server) });
            BitsException refused = Check.Throws<BitsException>(() => fixture.Client.Upload(fixture.Source, fixture.Url()));
            Check.Equal((409, 0x80070050, BitsErrorContext.Server), (refused.HttpStatus, refused.BitsHResult, refused.Context));
            Check.Equal(BitsStatusClass.Peer, refused.Class);
        }

        [Test("B-REJECT-02")]
        public static void A_rejected_file_is_not_delivered()
        {
            using var fixture = new Fixture();
            int requested = 0;
            fixture.Serve(new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    requested++;
                    verdict.Reject(403);
                },
            });
            BitsException refused = Check.Throws<BitsException>(() => fixture.Client.Upload(fixture.Source, fixture.Url()));
            Check.Equal((403, false, 1), (refused.HttpStatus, refused.IsTransient, requested));
            Check.That(!File.Exists(Path.Combine(fixture.Root, "file.bin")), "there is no file");
        }

        [Test]
        public static void Rejecting_with_a_success_status_is_a_usage_error()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(200) });
            Check.Equal(500, Check.Throws<BitsException>(() => NonRetryingClient().Upload(fixture.Source, fixture.Url())).HttpStatus);
            Check.Throws<ArgumentOutOfRangeException>(() => fixture.Server.Stop());
        }

        [Test]
        public static void Several_engines_can_be_mounted_and_sessions_can_be_ended()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.In("other"));
            using var one = new BitsEngine(new BitsEngineOptions { Store = BitsStore.OpenDirectory(fixture.Root, Durability.None) });
            using var two = new BitsEngine(new BitsEngineOptions { Root = fixture.In("other"), MaxUploadSize = 10 });
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/one"] = one, ["/two"] = two } });
            UploadJob? running = null;
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, server.Url + "one/file.bin", new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            Check.Equal((1L, 0L), (one.SessionCount, two.SessionCount));
            Check.Equal(0L, one.Tick().Expired);
            one.EndSession(job.SessionId!);
            Check.Equal(0L, one.SessionCount);
            Check.Fails(BitsStatus.SessionNotFound, () => one.EndSession(job.SessionId!));
            Check.Fails(BitsStatus.TooLarge, () => fixture.Client.Upload(fixture.Source, server.Url + "two/file.bin"));
        }

        [Test]
        public static void A_notified_application_accepts_or_rejects()
        {
            foreach ((string answer, bool accepted) in new[] { ("200 OK", true), ("403 Forbidden", false) })
            {
                using FakeServer application = FakeServer.Responding(answer, "BITS-Copy-File-To-Destination: yes\r\n");
                using var fixture = new Fixture();
                fixture.Serve(new BitsHooks
                {
                    Notify = new NotifyOptions(NotifyKind.ByReference, application.Url, TimeSpan.FromSeconds(20)),
                });
                Action upload = () => fixture.Client.Upload(fixture.Source, fixture.Url());
                Check.That(accepted || Check.Throws<BitsException>(upload).HttpStatus == 403, "the client receives the status of the application");
                if (accepted)
                {
                    upload();
                }

                Check.Equal(accepted, File.Exists(Path.Combine(fixture.Root, "file.bin")));
            }
        }

        private static BitsClient NonRetryingClient() => new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
    }
}
