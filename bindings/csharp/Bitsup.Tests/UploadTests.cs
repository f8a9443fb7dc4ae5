using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    internal static class UploadTests
    {
        [Test("B-UPLOAD-01", "B-UPLOAD-03", "B-UPLOAD-05")]
        public static void A_file_is_uploaded_unchanged()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var seen = new List<long>();
            UploadResult result = fixture.Client.Upload(
                fixture.Source, fixture.Url(), progress: new SyncProgress<UploadProgress>(progress => seen.Add(progress.Sent)));
            Check.Same(fixture.Content, fixture.Received());
            Check.Equal(fixture.Content.Length, result.Length);
            Check.That(seen.SequenceEqual(new[] { 100_000L, 200_000, 300_000 }), $"progress is reported for each fragment: {string.Join(" ", seen)}");
            Check.That(result.ReplyPath == null && result.ReplyUrl == null, "there is no reply");
        }

        [Test]
        public static async Task A_file_is_uploaded_asynchronously()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            UploadResult result = await fixture.Client.UploadAsync(fixture.Source, fixture.Url());
            Check.Same(fixture.Content, fixture.Received());
            Check.Equal(fixture.Content.Length, result.Length);
        }

        [Test("B-UPLOAD-02")]
        public static void An_empty_file_is_uploaded()
        {
            using var fixture = new Fixture(length: 0);
            fixture.Serve();
            Check.Equal(0L, fixture.Client.Upload(fixture.Source, fixture.Url()).Length);
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test("B-UPLOAD-02")]
        public static void Bytes_are_uploaded_and_the_job_reports_its_state()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var states = new List<JobState>();
            var options = new UploadOptions { ContentName = "name.bin", OnState = (from, to) => states.Add(to) };
            using UploadJob job = fixture.Client.CreateJob(fixture.Content, fixture.Url(), options);
            Check.Equal(JobState.Ready, job.State);
            Check.Equal<string?>(null, job.SessionId);
            job.Run();
            Check.Equal(JobState.Closed, job.State);
            Check.Equal(1.0, job.Progress.Fraction);
            JobState[] expected = { JobState.Connecting, JobState.Transferring, JobState.Transferred, JobState.Closed };
            Check.That(states.SequenceEqual(expected), $"the states are in order: {string.Join(" ", states)}");
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test("B-UPLOAD-04")]
        public static void The_server_receives_the_content_name_and_added_headers()
        {
            using var fixture = new Fixture();
            var received = new List<string?>();
            fixture.Serve(new BitsHooks
            {
                OnCreate = (upload, verdict) =>
                {
                    received.Add(upload.ContentName);
                    received.Add(upload.Header("x-SHIFT"));
                    received.Add(upload.Header("User-Agent"));
                },
            });
            using var client = new BitsClient(new BitsClientOptions
            {
                Headers = { new KeyValuePair<string, string>("X-Shift", "night") },
                UserAgent = "tests/1",
            });
            client.Upload(fixture.Source, fixture.Url());
            client.Upload(fixture.Source, fixture.Url("other.bin"), new UploadOptions { ContentName = "chosen" });
            Check.Equal("source.bin night tests/1 chosen night tests/1", string.Join(" ", received));
        }

        [Test]
        public static void Non_ASCII_names_are_supported()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            string source = fixture.In("größe 大きさ.bin");
            File.Move(fixture.Source, source);
            fixture.Client.Upload(source, fixture.Url("gr%C3%B6%C3%9Fe.bin"));
            Check.Same(fixture.Content, fixture.Received("größe.bin"));
        }

        [Test("B-UPLOAD-07")]
        public static void Eight_jobs_run_concurrently()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
            {
                byte[] content = Fixture.Bytes(500_000 + number, number);
                using UploadJob job = fixture.Client.CreateJob(content, fixture.Url($"{number}.bin"));
                job.Run();
                Check.Same(content, fixture.Received($"{number}.bin"));
            });
        }

        [Test]
        public static async Task Eight_uploads_are_awaited_together()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            await Task.WhenAll(Enumerable.Range(0, 8).Select(number => fixture.Client.UploadAsync(fixture.Source, fixture.Url($"{number}.bin"))));
            Check.Equal(8, Directory.GetFiles(fixture.Root).Length);
        }

        [Test("B-UPLOAD-06")]
        public static void Ping_checks_whether_the_server_is_available()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            fixture.Client.Ping(fixture.Url());
            string url = fixture.Url();
            fixture.Server.Stop();
            Check.Fails(BitsStatus.Connect, () => fixture.Client.Ping(url));
        }

        [Test]
        public static void A_failed_request_is_retried_after_the_delay_set_by_OnRetry()
        {
            using var fixture = new Fixture();
            using FakeServer peer = FakeServer.Responding("503 Service Unavailable");
            var causes = new List<RetryEvent>();
            using var client = new BitsClient(new BitsClientOptions { Retry = new RetryPolicy(TimeSpan.FromHours(1), TimeSpan.FromHours(1), maxAttempts: 3) });
            var options = new UploadOptions
            {
                OnRetry = retry =>
                {
                    Check.That(retry.Delay > TimeSpan.FromMinutes(1), "the configured policy is used");
                    retry.Delay = TimeSpan.Zero;
                    causes.Add(retry);
                },
            };
            BitsException failure = Check.Throws<BitsException>(() => client.Upload(fixture.Source, peer.Url, options));
            Check.Equal(503, failure.HttpStatus);
            Check.Equal("1 2", string.Join(" ", causes.Select(retry => retry.Attempt)));
            Check.That(causes.All(retry => retry.Cause.HttpStatus == 503), "each cause is reported");
        }
    }
}
