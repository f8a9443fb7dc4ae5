using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>Object lifetimes, whenever the garbage collector runs.</summary>
    internal static class LifetimeTests
    {
        private static readonly byte[] SmallContent = { 1, 2, 3 };

        [Test("B-LIFE-03")]
        public static void Garbage_collection_inside_callbacks_is_safe()
        {
            using var fixture = new Fixture();
            var called = new ConcurrentDictionary<string, bool>();
            void Collect(string name)
            {
                called[name] = true;
                Garbage.Collect();
            }

            fixture.Serve(new BitsHooks
            {
                OnRequest = (upload, verdict) => Collect("request"),
                OnCreate = (upload, verdict) => Collect("create"),
                OnProgress = upload => Collect("stored"),
                OnReceived = (upload, verdict) =>
                {
                    Collect("received");
                    verdict.SetReply(SmallContent);
                },
                OnEnd = (upload, reason) => Collect("end"),
            });
            UploadOptions Options() => new UploadOptions
            {
                ReplyPath = fixture.In("reply"),
                OnProgress = progress => Collect("progress"),
                OnReplyProgress = progress => Collect("reply"),
                OnState = (from, to) => Collect("state"),
            };
            fixture.Client.Upload(fixture.Source, fixture.Url(), Options(), new SyncProgress<UploadProgress>(progress => Collect("reported")));
            using FakeServer peer = FakeServer.Responding("503 Service Unavailable");
            using var client = new BitsClient(new BitsClientOptions { Retry = new RetryPolicy(TimeSpan.Zero, TimeSpan.Zero, 3) });
            var retries = new UploadOptions { OnRetry = retry => Collect("retry") };
            Check.Throws<BitsException>(() => client.Upload(fixture.Source, peer.Url, retries));
            Check.Same(fixture.Content, fixture.Received());
            Check.Same(SmallContent, File.ReadAllBytes(fixture.In("reply")));
            Check.Equal(10, called.Count);
        }

        [Test("B-LIFE-02")]
        public static void Objects_that_are_not_disposed_are_freed()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var fixture = new Fixture();
            Garbage.RunInFrame(() => MakeAndDrop(fixture));
            AllFreed(before);
            // Serve locks the root, so this fails unless the first server and its store were freed.
            fixture.Serve();
            fixture.Client.Upload(fixture.Source, fixture.Url("second.bin"));
        }

        [Test("B-LIFE-02")]
        public static void A_job_referenced_by_its_own_delegates_is_freed()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var fixture = new Fixture();
            Garbage.RunInFrame(() =>
            {
                UploadJob? self = null;
                self = fixture.Client.CreateJob(SmallContent, "http://127.0.0.1:1/x", new UploadOptions { OnProgress = progress => self!.Suspend() });
            });
            AllFreed(before);
        }

        [Test("B-LIFE-01")]
        public static void Objects_may_be_disposed_twice_and_in_any_order()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var fixture = new Fixture();
            for (int order = 0; order < 24; order++)
            {
                BitsStore store = BitsStore.OpenDirectory(fixture.Root);
                var engine = new BitsEngine(new BitsEngineOptions { Store = store });
                BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
                var client = new BitsClient();
                UploadJob job = client.CreateJob(fixture.Source, server.Url + $"{order}.bin");
                IDisposable[] all = { store, engine, client, server };
                int left = order;
                foreach (int place in new[] { 4, 3, 2, 1 })
                {
                    IDisposable next = all.Where(one => one != null).ElementAt(left % place);
                    left /= place;
                    all[Array.IndexOf(all, next)] = null!;
                    next.Dispose();
                    next.Dispose();
                }

                job.Dispose();
                job.Dispose();
            }

            AllFreed(before);
        }

        [Test("B-LIFE-01")]
        public static void A_job_may_be_disposed_in_its_own_callback()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            UploadJob? running = null;
            running = fixture.Client.CreateJob(fixture.Source, fixture.Url(), new UploadOptions { OnProgress = progress => running!.Dispose() });
            Check.Fails(BitsStatus.Suspended, () => running.Run());
        }

        [Test("B-LIFE-02")]
        public static void Many_finalizers_do_not_disturb_uploads()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using (var fixture = new Fixture())
            {
                fixture.Serve(new BitsHooks { OnProgress = upload => GC.Collect() });
                Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
                {
                    for (int litter = 0; litter < 200; litter++)
                    {
                        new BitsClient().CreateJob(SmallContent, fixture.Url("never"));
                    }

                    fixture.Client.Upload(fixture.Source, fixture.Url($"{number}.bin"), progress: new SyncProgress<UploadProgress>(progress => GC.Collect()));
                    Check.Same(fixture.Content, fixture.Received($"{number}.bin"));
                });
            }

            AllFreed(before);
        }

        [Test]
        public static void Native_strings_and_errors_are_freed()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            void Calls(int count)
            {
                for (int call = 0; call < count; call++)
                {
                    _ = fixture.Server.Url;
                    Check.Throws<BitsException>(() => fixture.Client.CreateJob(SmallContent, "no url"));
                }
            }

            // A leak would add several megabytes in each round, while the growth of the managed heap ends.
            bool Grows()
            {
                long before = Resident();
                Calls(20_000);
                return Resident() - before > 1 << 20;
            }

            Check.That(Enumerable.Range(0, 10).Any(_ => !Grows()), "memory stops growing");
        }

        [Test]
        public static void A_process_with_a_running_server_exits_at_once()
        {
            using var fixture = new Fixture(length: 10_000_000);
            Directory.CreateDirectory(fixture.In("other"));
            using Process child = Child.Start("abandon", fixture.In("other"), fixture.Source);
            Check.Equal("leaving", child.StandardOutput.ReadLine());
            var watch = Stopwatch.StartNew();
            Check.That(child.WaitForExit(20_000), "the process exits");
            Check.Equal(0, child.ExitCode);
            Check.That(watch.Elapsed < TimeSpan.FromSeconds(1), $"the process exits within a second: {watch.Elapsed}");
        }

        private static void MakeAndDrop(Fixture fixture)
        {
            var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = fixture.Root,
                Hooks = new BitsHooks { OnProgress = upload => Garbage.Collect() },
            });
            BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            UploadJob job = new BitsClient().CreateJob(fixture.Source, server.Url + "first.bin");
            job.Run();
            Check.Same(fixture.Content, fixture.Received("first.bin"));
        }

        private static long Resident()
        {
            Garbage.Collect();
            using Process self = Process.GetCurrentProcess();
            return self.WorkingSet64;
        }

        private static void AllFreed(int before) => Check.Eventually(
            () =>
            {
                Garbage.Collect();
                return UserData.Alive <= before;
            },
            "all handles owned by native objects are freed");
    }
}
