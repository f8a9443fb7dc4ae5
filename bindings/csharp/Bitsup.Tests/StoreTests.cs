using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>Memory stores and custom stores.</summary>
    internal static class StoreTests
    {
        [Test("B-STORE-04")]
        public static void A_memory_store_is_limited_and_can_be_read()
        {
            using var fixture = new Fixture();
            byte[] seen = new byte[fixture.Content.Length + 1];
            int length = 0;
            using BitsServer server = StartServer(BitsStore.InMemory(400_000), new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    Check.That(upload.DataPath is null, "there is no file");
                    for (int read = 1; read > 0 && length < seen.Length; length += read)
                    {
                        var piece = new byte[65_536];
                        read = upload.Read(length, piece);
                        piece.AsSpan(0, read).CopyTo(seen.AsSpan(length));
                    }

                    verdict.SetReply(new byte[] { 7 });
                },
            });
            fixture.Client.Upload(fixture.Source, server.Url + "a", new UploadOptions { ReplyPath = fixture.In("reply") });
            Check.Same(fixture.Content, seen.AsSpan(0, length).ToArray());
            Check.Equal(1, File.ReadAllBytes(fixture.In("reply")).Length);
            using var quick = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
            Check.Throws<BitsException>(() => quick.Upload(fixture.Source, server.Url + "b"));
        }

        [Test("B-STORE-02")]
        public static void The_exception_of_a_store_determines_the_response()
        {
            (Exception Thrown, int Status, uint HResult, bool Reported)[] all =
            {
                (new UnauthorizedAccessException(), 403, 0x80070005, false),
                (new BitsException(BitsStatus.Denied, "not yours"), 403, 0x80070005, false),
                (new KeyNotFoundException(), 404, 0x80190194, false),
                (new BitsException(BitsStatus.NotFound, "no such bucket"), 404, 0x80190194, false),
                (new BitsException(BitsStatus.NoSpace, "the bucket is full"), 500, 0x80070070, false),
                (new InvalidDataException(), 500, 0x801901F4, true),
            };
            foreach ((Exception thrown, int status, uint hresult, bool isReported) in all)
            {
                using var fixture = new Fixture();
                var reported = new List<Exception>();
                var storage = new Storage { Fails = thrown, OnException = reported.Add };
                using BitsServer server = StartServer(BitsStore.FromStorage(storage));
                using var quick = new BitsClient(new BitsClientOptions { NoProgressTimeout = TimeSpan.Zero });
                BitsException refused = Check.Throws<BitsException>(() => quick.Upload(fixture.Source, server.Url + "a"));
                Check.Equal((thrown.Message, status, hresult), (thrown.Message, refused.HttpStatus, refused.BitsHResult));
                Check.Equal(isReported, reported.Contains(thrown));
            }
        }

        [Test]
        public static void A_custom_exception_requires_a_defined_status()
        {
            var full = new BitsException(BitsStatus.NoSpace, "the bucket is full");
            Check.Equal((BitsStatus.NoSpace, "BITSUP_E_NO_SPACE", "the bucket is full"), (full.Status, full.StatusName, full.Message));
            Check.Equal(BitsStatusClass.Local, full.Class);
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsException(0, "0 is not an error"));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsException((BitsStatus)299, "299 is not defined"));
        }

        [Test("B-STORE-03", "B-LIFE-02", "B-LIFE-03")]
        public static void Sessions_outlive_the_engine_if_the_store_lists_them()
        {
            using var fixture = new Fixture();
            int before = UserData.Alive;
            var storage = new Storage();
            byte[] state;
            int port;
            using (BitsServer server = StartServer(BitsStore.FromStorage(storage)))
            {
                port = server.Port;
                UploadJob? running = null;
                using UploadJob job = fixture.Client.CreateJob(
                    fixture.Source, server.Url + "a", new UploadOptions { OnProgress = progress => running!.Suspend() });
                running = job;
                Check.Fails(BitsStatus.Suspended, () => job.Run());
                state = job.ExportState();
            }

            using (BitsServer server = StartServer(BitsStore.FromStorage(storage), listen: $"127.0.0.1:{port}"))
            {
                using UploadJob job = fixture.Client.CreateJob(fixture.Source, server.Url + "a");
                job.ImportState(state);
                job.Run();
            }

            Check.Same(fixture.Content, storage.Files["a"]);
            Check.Equal(0, storage.Sessions.Count);
            Check.Eventually(
                () =>
                {
                    Garbage.Collect();
                    return UserData.Alive <= before;
                },
                "all handles are freed");
        }

        [Test]
        public static void The_engine_rethrows_the_exception_of_List()
        {
            var storage = new Storage { FailsToList = new InvalidDataException("no list") };
            Check.Throws<InvalidDataException>(() => new BitsEngine(new BitsEngineOptions { Store = BitsStore.FromStorage(storage) }));
        }

        private static BitsServer StartServer(BitsStore store, BitsHooks? hooks = null, string listen = "127.0.0.1:0")
        {
            using (store)
            {
                return BitsServer.Start(new BitsServerOptions { Store = store, Hooks = hooks ?? new BitsHooks(), Listen = listen });
            }
        }

        private sealed class Storage : BitsStorage
        {
            public ConcurrentDictionary<string, byte[]> Sessions { get; } = new ConcurrentDictionary<string, byte[]>();

            public ConcurrentDictionary<string, MemoryStream> Parts { get; } = new ConcurrentDictionary<string, MemoryStream>();

            public ConcurrentDictionary<string, byte[]> Files { get; } = new ConcurrentDictionary<string, byte[]>();

            public Exception? Fails { get; set; }

            public Exception? FailsToList { get; set; }

            public override void Create(string sessionId, byte[] record)
            {
                Save(sessionId, record);
                Parts[sessionId + StoragePart.Data] = new MemoryStream();
            }

            public override void Save(string sessionId, byte[] record) => Sessions[sessionId] = record;

            public override IEnumerable<StoredSession> List() => FailsToList is null
                ? Sessions.Select(one => new StoredSession(one.Key, one.Value))
                : throw FailsToList;

            public override long? GetLength(string sessionId, StoragePart part) =>
                Parts.TryGetValue(sessionId + part, out MemoryStream? found) ? found.Length : (long?)null;

            public override void Write(string sessionId, StoragePart part, long offset, byte[] data)
            {
                Garbage.Collect();
                if (Fails != null)
                {
                    throw Fails;
                }

                MemoryStream content = Parts.GetOrAdd(sessionId + part, _ => new MemoryStream());
                Check.Equal(offset, content.Length);
                content.Position = offset;
                content.Write(data);
            }

            public override int Read(string sessionId, StoragePart part, long offset, byte[] buffer)
            {
                MemoryStream content = Parts[sessionId + part];
                content.Position = offset;
                return content.Read(buffer);
            }

            public override void Commit(string sessionId, string destination, bool overwrite, byte[] record)
            {
                if (Parts.TryRemove(sessionId + StoragePart.Data, out MemoryStream? content))
                {
                    Files[destination] = content.ToArray();
                }

                Save(sessionId, record);
            }

            public override void Remove(string sessionId, StoragePart part)
            {
                Parts.TryRemove(sessionId + StoragePart.Reply, out _);
                if (part == StoragePart.All)
                {
                    Parts.TryRemove(sessionId + StoragePart.Data, out _);
                    Sessions.TryRemove(sessionId, out _);
                }
            }
        }
    }
}
