using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>Jobs that are led by hand.</summary>
    internal static class StepTests
    {
        [Test("B-STEP-01", "B-STEP-02")]
        public static void Steps_lead_to_a_complete_upload_whose_session_waits_to_be_closed()
        {
            using var bench = new Bench();
            int ended = 0;
            bench.Serve(new BitsHooks { OnEnd = (upload, reason) => ended++ });
            using UploadJob job = bench.Client.CreateJob(bench.Source, bench.Url());
            Check.Fails(BitsStatus.InvalidState, () => job.Complete());
            var sent = new List<long>();
            while (job.Step() != JobState.Transferred)
            {
                sent.Add(job.Progress.Sent);
            }

            Check.Equal("0 100000 200000", string.Join(" ", sent.Distinct()));
            Check.Equal((JobState.Transferred, 0), (job.Step(), ended));
            job.Complete();
            Check.Equal((JobState.Closed, 1), (job.State, ended));
            Check.Same(bench.Content, bench.Received());
        }

        [Test("B-STATE-01")]
        public static void Another_job_goes_on_from_an_exported_state()
        {
            using var bench = new Bench();
            var stored = new List<long>();
            bench.Serve(new BitsHooks { OnProgress = upload => stored.Add(upload.Received) });
            byte[] state = Interrupted(bench);
            using UploadJob second = bench.Client.CreateJob(bench.Source, bench.Url());
            second.ImportState(state);
            second.Run();
            Check.Equal("100000 200000 300000", string.Join(" ", stored));
            Check.Same(bench.Content, bench.Received());
            Check.Fails(BitsStatus.InvalidState, () => second.ExportState());
        }

        [Test("B-STATE-02")]
        public static void The_state_of_another_upload_and_a_damaged_one_are_refused()
        {
            using var bench = new Bench();
            bench.Serve();
            byte[] state = Interrupted(bench);
            using UploadJob other = bench.Client.CreateJob(bench.Source, bench.Url("other.bin"));
            Check.Fails(BitsStatus.InvalidArgument, () => other.ImportState(state));
            Check.Fails(BitsStatus.InvalidArgument, () => other.ImportState(state.Take(state.Length / 2).ToArray()));
            Check.Throws<ArgumentNullException>(() => other.ImportState(null!));
        }

        [Test("B-RATE-01")]
        public static void A_limit_of_the_rate_can_be_lifted_while_a_request_is_under_way()
        {
            using var bench = new Bench();
            bench.Serve();
            using var client = new BitsClient(new BitsClientOptions { RateLimit = 1000, FragmentSize = 100_000 });
            using UploadJob job = client.CreateJob(bench.Source, bench.Url());
            var run = job.RunAsync();
            Check.Comes(() => job.State == JobState.Transferring, "it sends");
            job.SetRateLimit(0);
            Check.That(run.Wait(TimeSpan.FromSeconds(20)), "it does not take 300 seconds");
            Check.Throws<ArgumentOutOfRangeException>(() => job.SetRateLimit(-1));
        }

        private static byte[] Interrupted(Bench bench)
        {
            UploadJob? running = null;
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, bench.Url(), new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            return job.ExportState();
        }
    }
}
