using System;
using System.IO;

namespace Bitsup.Tests
{
    /// <summary>Uploads of streams.</summary>
    internal static class SourceTests
    {
        [Test("B-SOURCE-01")]
        public static void A_stream_is_uploaded_from_its_current_position()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            using var content = new MemoryStream(fixture.Content) { Position = 1000 };
            fixture.Client.Upload(content, fixture.Url());
            Check.Same(fixture.Content.AsSpan(1000).ToArray(), fixture.Received());
            Check.That(content.CanRead, "the stream stays open");
        }

        [Test("B-SOURCE-01")]
        public static async System.Threading.Tasks.Task A_stream_that_cannot_seek_is_uploaded_and_its_copy_deleted()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            int before = UserData.Alive;
            await fixture.Client.UploadAsync(new FaultyStream(fixture.Content) { Seeks = false }, fixture.Url());
            Check.Same(fixture.Content, fixture.Received());
            Check.That(UserData.Alive <= before, "the copy is freed with its job");
        }

        [Test("B-SOURCE-02", "B-LIFE-03")]
        public static void A_failing_stream_ends_the_run_which_can_be_repeated()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var content = new FaultyStream(fixture.Content) { FailsAt = 100_000 };
            using UploadJob job = fixture.Client.CreateJob(content, fixture.Url());
            InvalidDataException thrown = Check.Throws<InvalidDataException>(() => job.Run());
            Check.That(thrown.StackTrace!.Contains(nameof(FaultyStream)), "the original stack trace is kept");
            content.FailsAt = long.MaxValue;
            job.Run();
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test("B-SOURCE-03")]
        public static void A_truncated_stream_is_reported_as_changed()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var content = new FaultyStream(fixture.Content) { EndsAt = 150_000 };
            using UploadJob job = fixture.Client.CreateJob(content, fixture.Url());
            Check.Fails(BitsStatus.SourceChanged, () => job.Run());
        }

        /// <summary>Collects garbage on every read, and can fail, end early, or refuse to seek.</summary>
        private sealed class FaultyStream : MemoryStream
        {
            public FaultyStream(byte[] content) : base(content)
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
