using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>Whatever the garbage collector does, and whenever.</summary>
    internal static class LifeTests
    {
        private static readonly byte[] Some = { 1, 2, 3 };

        [Test("B-LIFE-03")]
        public static void Garbage_collected_inside_every_callback_does_no_harm()
        {
            using var bench = new Bench();
            var called = new ConcurrentDictionary<string, bool>();
            void Collect(string name)
            {
                called[name] = true;
                Garbage.Collect();
            }

            bench.Serve(new BitsHooks
            {
                OnRequest = (upload, verdict) => Collect("request"),
                OnCreate = (upload, verdict) => Collect("create"),
                OnProgress = upload => Collect("stored"),
                OnReceived = (upload, verdict) =>
                {
                    Collect("received");
                    verdict.SetReply(Some);
                },
                OnEnd = (upload, reason) => Collect("end"),
            });
            UploadOptions Options() => new UploadOptions
            {
                ReplyPath = bench.In("reply"),
                OnProgress = progress => Collect("progress"),
                OnReplyProgress = progress => Collect("reply"),
                OnState = (from, to) => Collect("state"),
            };
            bench.Client.Upload(bench.Source, bench.Url(), Options(), new Heard<UploadProgress>(progress => Collect("reported")));
            using Peer peer = Peer.Answering("503 Service Unavailable");
            using var client = new BitsClient(new BitsClientOptions { Retry = new RetryPolicy(TimeSpan.Zero, TimeSpan.Zero, 3) });
            var retries = new UploadOptions { OnRetry = retry => Collect("retry") };
            Check.Throws<BitsException>(() => client.Upload(bench.Source, peer.Url, retries));
            Check.Same(bench.Content, bench.Received());
            Check.Same(Some, File.ReadAllBytes(bench.In("reply")));
            Check.Equal(10, called.Count);
        }

        [Test("B-LIFE-02")]
        public static void What_is_dropped_without_being_disposed_of_is_freed()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var bench = new Bench();
            Garbage.Drop(() => MakeAndDrop(bench));
            Gone(before);
            // The lock of the root tells that the server and its store are gone, too.
            bench.Serve();
            bench.Client.Upload(bench.Source, bench.Url("second.bin"));
        }

        [Test("B-LIFE-02")]
        public static void A_job_that_its_own_delegates_know_is_freed()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var bench = new Bench();
            Garbage.Drop(() =>
            {
                UploadJob? self = null;
                self = bench.Client.CreateJob(Some, "http://127.0.0.1:1/x", new UploadOptions { OnProgress = progress => self!.Suspend() });
            });
            Gone(before);
        }

        [Test("B-LIFE-01")]
        public static void Objects_may_be_disposed_of_twice_and_in_any_order()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using var bench = new Bench();
            for (int order = 0; order < 24; order++)
            {
                BitsStore store = BitsStore.OpenDirectory(bench.Root);
                var engine = new BitsEngine(new BitsEngineOptions { Store = store });
                BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
                var client = new BitsClient();
                UploadJob job = client.CreateJob(bench.Source, server.Url + $"{order}.bin");
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

            Gone(before);
        }

        [Test("B-LIFE-01")]
        public static void A_job_may_be_disposed_of_in_its_own_callback()
        {
            using var bench = new Bench();
            bench.Serve();
            UploadJob? running = null;
            running = bench.Client.CreateJob(bench.Source, bench.Url(), new UploadOptions { OnProgress = progress => running!.Dispose() });
            Check.Fails(BitsStatus.Suspended, () => running.Run());
        }

        [Test("B-LIFE-02")]
        public static void A_storm_of_finalizers_disturbs_no_upload()
        {
            Garbage.Collect();
            int before = UserData.Alive;
            using (var bench = new Bench())
            {
                bench.Serve(new BitsHooks { OnProgress = upload => GC.Collect() });
                Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
                {
                    for (int litter = 0; litter < 200; litter++)
                    {
                        new BitsClient().CreateJob(Some, bench.Url("never"));
                    }

                    bench.Client.Upload(bench.Source, bench.Url($"{number}.bin"), progress: new Heard<UploadProgress>(progress => GC.Collect()));
                    Check.Same(bench.Content, bench.Received($"{number}.bin"));
                });
            }

            Gone(before);
        }

        [Test]
        public static void Text_and_errors_of_the_library_are_freed()
        {
            using var bench = new Bench();
            bench.Serve();
            void Calls(int count)
            {
                for (int call = 0; call < count; call++)
                {
                    _ = bench.Server.Url;
                    Check.Throws<BitsException>(() => bench.Client.CreateJob(Some, "no url"));
                }
            }

            // A leak of text and error would be four megabytes each time; the garbage collector's own growth comes to an end.
            bool Grows()
            {
                long before = Resident();
                Calls(20_000);
                return Resident() - before > 1 << 20;
            }

            Check.That(Enumerable.Range(0, 10).Any(_ => !Grows()), "memory stops growing");
        }

        [Test]
        public static void A_process_ends_at_once_with_a_server_that_runs()
        {
            using var bench = new Bench(length: 10_000_000);
            Directory.CreateDirectory(bench.In("other"));
            using Process child = Child.Start("leave", bench.In("other"), bench.Source);
            Check.Equal("leaving", child.StandardOutput.ReadLine());
            var watch = Stopwatch.StartNew();
            Check.That(child.WaitForExit(20_000), "it ends");
            Check.Equal(0, child.ExitCode);
            Check.That(watch.Elapsed < TimeSpan.FromSeconds(1), $"it ends within a second: {watch.Elapsed}");
        }

        private static void MakeAndDrop(Bench bench)
        {
            var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = bench.Root,
                Hooks = new BitsHooks { OnProgress = upload => Garbage.Collect() },
            });
            BitsServer server = BitsServer.Start(new BitsServerOptions { Mounts = { ["/"] = engine } });
            UploadJob job = new BitsClient().CreateJob(bench.Source, server.Url + "first.bin");
            job.Run();
            Check.Same(bench.Content, bench.Received("first.bin"));
        }

        private static long Resident()
        {
            Garbage.Collect();
            using Process self = Process.GetCurrentProcess();
            return self.WorkingSet64;
        }

        private static void Gone(int before) => Check.Comes(
            () =>
            {
                Garbage.Collect();
                return UserData.Alive <= before;
            },
            "everything that C had of us is freed");
    }
}
