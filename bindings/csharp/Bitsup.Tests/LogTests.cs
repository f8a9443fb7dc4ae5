using System;
using System.Collections.Concurrent;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    internal static class LogTests
    {
        [Test("B-LOG-01", "B-LIFE-02", "B-LIFE-03")]
        public static void Messages_have_a_level_and_a_component_and_contain_no_secrets()
        {
            using var fixture = new Fixture();
            var output = new ConcurrentQueue<(BitsLogLevel Level, string Component, string Message)>();
            int before = UserData.Alive;
            Upload(fixture, new BitsLogger(
                (level, component, message) =>
                {
                    Garbage.Collect();
                    output.Enqueue((level, component, message));
                },
                BitsLogLevel.Debug));
            Check.That(output.Any(one => one.Component == "client") && output.Any(one => one.Component == "engine"), "both components log messages");
            Check.That(output.All(one => one.Message.Length > 0 && !one.Message.Contains("hidden")), "no message contains a secret");
            Check.Eventually(
                () =>
                {
                    Garbage.Collect();
                    return UserData.Alive <= before;
                },
                "all handles are freed");
        }

        [Test("B-LOG-02")]
        public static void Messages_below_the_level_are_not_logged()
        {
            using var fixture = new Fixture();
            var output = new ConcurrentQueue<string>();
            Upload(fixture, new BitsLogger((level, component, message) => output.Enqueue(message), BitsLogLevel.Error));
            Check.Equal("", string.Join("; ", output));
            Check.Throws<ArgumentOutOfRangeException>(() => new BitsClient(new BitsClientOptions { Logger = new BitsLogger((a, b, c) => { }, (BitsLogLevel)99) }));
        }

        [Test]
        public static void The_call_rethrows_the_exception_of_a_logger()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var log = new BitsLogger((level, component, message) => throw new InvalidDataException(), BitsLogLevel.Trace);
            using var client = new BitsClient(new BitsClientOptions { Logger = log });
            Check.Throws<InvalidDataException>(() => client.Upload(fixture.Source, fixture.Url()));
        }

        private static void Upload(Fixture fixture, BitsLogger log)
        {
            Directory.CreateDirectory(fixture.Root);
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Root = fixture.Root, Logger = log, Users = { ["ann"] = "hidden" } });
            using var client = new BitsClient(new BitsClientOptions { Logger = log, Credentials = BitsCredentials.Basic("ann", "hidden") });
            client.Upload(fixture.Source, server.Url + "file.bin");
        }
    }
}
