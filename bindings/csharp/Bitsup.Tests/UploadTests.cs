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
        public static void A_file_arrives_as_it_was()
        {
            using var bench = new Bench();
            bench.Serve();
            var seen = new List<long>();
            UploadResult result = bench.Client.Upload(
                bench.Source, bench.Url(), progress: new Heard<UploadProgress>(progress => seen.Add(progress.Sent)));
            Check.Same(bench.Content, bench.Received());
            Check.Equal(bench.Content.Length, result.Length);
            Check.That(seen.SequenceEqual(new[] { 100_000L, 200_000, 300_000 }), $"each fragment is heard of: {string.Join(" ", seen)}");
            Check.That(result.ReplyPath == null && result.ReplyUrl == null, "there is no reply");
        }

        [Test]
        public static async Task A_file_arrives_while_the_caller_does_something_else()
        {
            using var bench = new Bench();
            bench.Serve();
            UploadResult result = await bench.Client.UploadAsync(bench.Source, bench.Url());
            Check.Same(bench.Content, bench.Received());
            Check.Equal(bench.Content.Length, result.Length);
        }

        [Test("B-UPLOAD-02")]
        public static void An_empty_file_arrives()
        {
            using var bench = new Bench(length: 0);
            bench.Serve();
            Check.Equal(0L, bench.Client.Upload(bench.Source, bench.Url()).Length);
            Check.Same(bench.Content, bench.Received());
        }

        [Test("B-UPLOAD-02")]
        public static void Bytes_arrive_and_the_job_tells_how_it_went()
        {
            using var bench = new Bench();
            bench.Serve();
            var states = new List<JobState>();
            var options = new UploadOptions { ContentName = "name.bin", OnState = (from, to) => states.Add(to) };
            using UploadJob job = bench.Client.CreateJob(bench.Content, bench.Url(), options);
            Check.Equal(JobState.Ready, job.State);
            Check.Equal<string?>(null, job.SessionId);
            job.Run();
            Check.Equal(JobState.Closed, job.State);
            Check.Equal(1.0, job.Progress.Fraction);
            JobState[] expected = { JobState.Connecting, JobState.Transferring, JobState.Transferred, JobState.Closed };
            Check.That(states.SequenceEqual(expected), $"the states are in order: {string.Join(" ", states)}");
            Check.Same(bench.Content, bench.Received());
        }

        [Test("B-UPLOAD-04")]
        public static void The_server_hears_the_content_name_and_the_headers_that_were_added()
        {
            using var bench = new Bench();
            var heard = new List<string?>();
            bench.Serve(new BitsHooks
            {
                OnCreate = (upload, verdict) =>
                {
                    heard.Add(upload.ContentName);
                    heard.Add(upload.Header("x-SHIFT"));
                    heard.Add(upload.Header("User-Agent"));
                },
            });
            using var client = new BitsClient(new BitsClientOptions
            {
                Headers = { new KeyValuePair<string, string>("X-Shift", "night") },
                UserAgent = "tests/1",
            });
            client.Upload(bench.Source, bench.Url());
            client.Upload(bench.Source, bench.Url("other.bin"), new UploadOptions { ContentName = "chosen" });
            Check.Equal("source.bin night tests/1 chosen night tests/1", string.Join(" ", heard));
        }

        [Test]
        public static void Names_outside_of_ASCII_pass()
        {
            using var bench = new Bench();
            bench.Serve();
            string source = bench.In("größe 大きさ.bin");
            File.Move(bench.Source, source);
            bench.Client.Upload(source, bench.Url("gr%C3%B6%C3%9Fe.bin"));
            Check.Same(bench.Content, bench.Received("größe.bin"));
        }

        [Test("B-UPLOAD-07")]
        public static void Eight_jobs_run_at_the_same_time()
        {
            using var bench = new Bench();
            bench.Serve();
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
            {
                byte[] content = Bench.Bytes(500_000 + number, number);
                using UploadJob job = bench.Client.CreateJob(content, bench.Url($"{number}.bin"));
                job.Run();
                Check.Same(content, bench.Received($"{number}.bin"));
            });
        }

        [Test]
        public static async Task Eight_uploads_are_awaited_together()
        {
            using var bench = new Bench();
            bench.Serve();
            await Task.WhenAll(Enumerable.Range(0, 8).Select(number => bench.Client.UploadAsync(bench.Source, bench.Url($"{number}.bin"))));
            Check.Equal(8, Directory.GetFiles(bench.Root).Length);
        }

        [Test("B-UPLOAD-06")]
        public static void A_server_can_be_asked_whether_it_is_there()
        {
            using var bench = new Bench();
            bench.Serve();
            bench.Client.Ping(bench.Url());
            string url = bench.Url();
            bench.Server.Stop();
            Check.Fails(BitsStatus.Connect, () => bench.Client.Ping(url));
        }

        [Test]
        public static void A_failed_request_is_tried_again_after_the_delay_that_the_listener_chose()
        {
            using var bench = new Bench();
            using Peer peer = Peer.Answering("503 Service Unavailable");
            var causes = new List<RetryEvent>();
            using var client = new BitsClient(new BitsClientOptions { Retry = new RetryPolicy(TimeSpan.FromHours(1), TimeSpan.FromHours(1), maxAttempts: 3) });
            var options = new UploadOptions
            {
                OnRetry = retry =>
                {
                    Check.That(retry.Delay > TimeSpan.FromMinutes(1), "the policy is the one that was set");
                    retry.Delay = TimeSpan.Zero;
                    causes.Add(retry);
                },
            };
            BitsException failure = Check.Throws<BitsException>(() => client.Upload(bench.Source, peer.Url, options));
            Check.Equal(503, failure.HttpStatus);
            Check.Equal("1 2", string.Join(" ", causes.Select(retry => retry.Attempt)));
            Check.That(causes.All(retry => retry.Cause.HttpStatus == 503), "each cause is told");
        }
    }
}
