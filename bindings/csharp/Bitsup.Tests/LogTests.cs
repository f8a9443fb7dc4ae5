using System;
using System.Collections.Concurrent;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    internal static class LogTests
    {
        [Test("B-LOG-01", "B-LIFE-02", "B-LIFE-03")]
        public static void Messages_come_with_their_level_and_part_and_without_secrets()
        {
            using var bench = new Bench();
            var said = new ConcurrentQueue<(BitsLogLevel Level, string Part, string Message)>();
            int before = UserData.Alive;
            Upload(bench, new BitsLogger(
                (level, part, message) =>
                {
                    Garbage.Collect();
                    said.Enqueue((level, part, message));
                },
                BitsLogLevel.Debug));
            Check.That(said.Any(one => one.Part == "client") && said.Any(one => one.Part == "engine"), "both parts say something");
            Check.That(said.All(one => one.Message.Length > 0 && !one.Message.Contains("hidden")), "there is no secret in it");
            Check.Comes(
                () =>
                {
                    Garbage.Collect();
                    return UserData.Alive <= before;
                },
                "nothing is kept");
        }

        [Test("B-LOG-02")]
        public static void Below_the_level_nothing_is_said()
        {
            using var bench = new Bench();
            var said = new ConcurrentQueue<string>();
            Upload(bench, new BitsLogger((level, part, message) => said.Enqueue(message), BitsLogLevel.Error));
            Check.Equal("", string.Join("; ", said));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { Logger = new BitsLogger((a, b, c) => { }, (BitsLogLevel)99) }));
        }

        [Test]
        public static void What_a_log_throws_is_thrown_by_the_call_that_logged()
        {
            using var bench = new Bench();
            bench.Serve();
            var log = new BitsLogger((level, part, message) => throw new InvalidDataException(), BitsLogLevel.Trace);
            using var client = new BitsClient(new BitsClientOptions { Logger = log });
            Check.Throws<InvalidDataException>(() => client.Upload(bench.Source, bench.Url()));
        }

        private static void Upload(Bench bench, BitsLogger log)
        {
            Directory.CreateDirectory(bench.Root);
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Root = bench.Root, Logger = log, Users = { ["ann"] = "hidden" } });
            using var client = new BitsClient(new BitsClientOptions { Logger = log, Credentials = BitsCredentials.Basic("ann", "hidden") });
            client.Upload(bench.Source, server.Url + "file.bin");
        }
    }
}
