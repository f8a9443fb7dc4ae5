using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>Jobs that are run step by step.</summary>
    internal static class StepTests
    {
        [Test("B-STEP-01", "B-STEP-02")]
        public static void Steps_end_with_a_complete_upload_and_an_open_session()
        {
            using var fixture = new Fixture();
            int ended = 0;
            fixture.Serve(new BitsHooks { OnEnd = (upload, reason) => ended++ });
            using UploadJob job = fixture.Client.CreateJob(fixture.Source, fixture.Url());
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
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test("B-STATE-01")]
        public static void Another_job_resumes_from_an_exported_state()
        {
            using var fixture = new Fixture();
            var stored = new List<long>();
            fixture.Serve(new BitsHooks { OnProgress = upload => stored.Add(upload.Received) });
            byte[] state = SuspendAndExport(fixture);
            using UploadJob second = fixture.Client.CreateJob(fixture.Source, fixture.Url());
            second.ImportState(state);
            second.Run();
            Check.Equal("100000 200000 300000", string.Join(" ", stored));
            Check.Same(fixture.Content, fixture.Received());
            Check.Fails(BitsStatus.InvalidState, () => second.ExportState());
        }

        [Test("B-STATE-02")]
        public static void States_of_other_uploads_and_damaged_states_are_rejected()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            byte[] state = SuspendAndExport(fixture);
            using UploadJob other = fixture.Client.CreateJob(fixture.Source, fixture.Url("other.bin"));
            Check.Fails(BitsStatus.InvalidArgument, () => other.ImportState(state));
            Check.Fails(BitsStatus.InvalidArgument, () => other.ImportState(state.Take(state.Length / 2).ToArray()));
            Check.Throws<ArgumentNullException>(() => other.ImportState(null!));
        }

        [Test("B-RATE-01")]
        public static void The_rate_limit_can_be_changed_during_a_request()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            using var client = new BitsClient(new BitsClientOptions { RateLimit = 1000, FragmentSize = 100_000 });
            using UploadJob job = client.CreateJob(fixture.Source, fixture.Url());
            var run = job.RunAsync();
            Check.Eventually(() => job.State == JobState.Transferring, "the job is transferring");
            job.SetRateLimit(0);
            Check.That(run.Wait(TimeSpan.FromSeconds(20)), "the run ends long before 300 seconds");
            Check.Throws<ArgumentOutOfRangeException>(() => job.SetRateLimit(-1));
        }

        private static byte[] SuspendAndExport(Fixture fixture)
        {
            UploadJob? running = null;
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, fixture.Url(), new UploadOptions { OnProgress = progress => running!.Suspend() });
            running = job;
            Check.Fails(BitsStatus.Suspended, () => job.Run());
            return job.ExportState();
        }
    }
}
