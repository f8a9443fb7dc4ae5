using System;
using System.IO;

namespace Bitsup.Tests
{
    /// <summary>Streams that are uploaded.</summary>
    internal static class SourceTests
    {
        [Test("B-SOURCE-01")]
        public static void A_stream_arrives_from_where_it_stands()
        {
            using var bench = new Bench();
            bench.Serve();
            using var content = new MemoryStream(bench.Content) { Position = 1000 };
            bench.Client.Upload(content, bench.Url());
            Check.Same(bench.Content.AsSpan(1000).ToArray(), bench.Received());
            Check.That(content.CanRead, "it stays open");
        }

        [Test("B-SOURCE-01")]
        public static async System.Threading.Tasks.Task A_stream_that_cannot_seek_arrives_and_leaves_nothing()
        {
            using var bench = new Bench();
            bench.Serve();
            int before = UserData.Alive;
            await bench.Client.UploadAsync(new Odd(bench.Content) { Seeks = false }, bench.Url());
            Check.Same(bench.Content, bench.Received());
            Check.That(UserData.Alive <= before, "the copy is gone with its job");
        }

        [Test("B-SOURCE-02", "B-LIFE-03")]
        public static void A_stream_that_fails_ends_the_run_and_can_be_run_again()
        {
            using var bench = new Bench();
            bench.Serve();
            var content = new Odd(bench.Content) { FailsAt = 100_000 };
            using UploadJob job = bench.Client.CreateJob(content, bench.Url());
            InvalidDataException thrown = Check.Throws<InvalidDataException>(() => job.Run());
            Check.That(thrown.StackTrace!.Contains(nameof(Odd)), "it has its own stack");
            content.FailsAt = long.MaxValue;
            job.Run();
            Check.Same(bench.Content, bench.Received());
        }

        [Test("B-SOURCE-03")]
        public static void A_stream_that_ends_early_has_changed()
        {
            using var bench = new Bench();
            bench.Serve();
            var content = new Odd(bench.Content) { EndsAt = 150_000 };
            using UploadJob job = bench.Client.CreateJob(content, bench.Url());
            Check.Fails(BitsStatus.SourceChanged, () => job.Run());
        }

        /// <summary>Collects garbage at every read, and may be of little use.</summary>
        private sealed class Odd : MemoryStream
        {
            public Odd(byte[] content) : base(content)
            {
            }

            public bool Seeks { get; set; } = true;

            public long FailsAt { get; set; } = long.MaxValue;

            public long EndsAt { get; set; } = long.MaxValue;

            public override bool CanSeek => Seeks;

            public override int Read(byte[] buffer, int offset, int count)
            {
                Garbage.Collect();
                if (Position >= FailsAt)
                {
                    throw new InvalidDataException("the stream failed");
                }

                return Position >= EndsAt ? 0 : base.Read(buffer, offset, (int)Math.Min(count, EndsAt - Position));
            }
        }
    }
}
