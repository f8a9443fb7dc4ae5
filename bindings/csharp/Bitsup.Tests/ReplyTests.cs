using System.IO;
using System.Text;

namespace Bitsup.Tests
{
    internal static class ReplyTests
    {
        private static readonly byte[] Reply = Encoding.ASCII.GetBytes("300000 bytes, thank you");

        [Test("B-REPLY-01")]
        public static void Bytes_that_the_application_replies_with_are_in_the_file()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Reply) });
            long? last = null;
            var options = new UploadOptions { ReplyPath = bench.In("reply"), OnReplyProgress = progress => last = progress.Received };
            UploadResult result = bench.Client.Upload(bench.Source, bench.Url(), options);
            Check.Same(Reply, File.ReadAllBytes(bench.In("reply")));
            Check.Equal(Reply.Length, last);
            Check.Equal(bench.In("reply"), result.ReplyPath);
            Check.That(result.ReplyUrl!.StartsWith(bench.Server.Url, System.StringComparison.Ordinal), "the reply has a URL");
        }

        [Test("B-REPLY-02", "B-HOOK-04")]
        public static void A_file_that_the_application_replies_with_is_taken_over()
        {
            using var bench = new Bench();
            string? written = null;
            bench.Serve(new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    Check.Same(bench.Content, File.ReadAllBytes(upload.DataPath!));
                    written = upload.ReplyPath!;
                    File.WriteAllBytes(written, Reply);
                    verdict.SetReplyPath(written);
                    verdict.SetKeepFile(false);
                },
            });
            bench.Client.Upload(bench.Source, bench.Url(), new UploadOptions { ReplyPath = bench.In("reply") });
            Check.Same(Reply, File.ReadAllBytes(bench.In("reply")));
            Check.That(!File.Exists(written), "the server took the file");
            Check.That(!File.Exists(Path.Combine(bench.Root, "file.bin")), "the upload was dropped, as the application said");
            bench.Server.Stop();
        }

        [Test("B-REPLY-03")]
        public static void A_job_that_wants_a_reply_fails_where_there_is_none()
        {
            using var bench = new Bench();
            bench.Serve();
            var options = new UploadOptions { ReplyPath = bench.In("reply") };
            Check.Fails(BitsStatus.Protocol, () => bench.Client.Upload(bench.Source, bench.Url(), options));
            Check.That(!File.Exists(bench.In("reply")), "there is no reply");
        }

        [Test("B-REPLY-04")]
        public static void The_reply_can_be_downloaded_while_the_session_lives()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Reply) });
            UploadJob? running = null;
            long? total = null;
            using UploadJob job = bench.Client.CreateJob(bench.Source, bench.Url(), new UploadOptions
            {
                ReplyPath = bench.In("reply"),
                OnState = (from, to) =>
                {
                    if (to == JobState.Transferred)
                    {
                        var progress = new Heard<DownloadProgress>(heard => total = heard.Total);
                        bench.Client.Download(running!.ReplyUrl!, bench.In("downloaded"), progress);
                    }
                },
            });
            running = job;
            job.Run();
            Check.Same(Reply, File.ReadAllBytes(bench.In("downloaded")));
            Check.Equal(Reply.Length, total);
            BitsException gone = Check.Throws<BitsException>(() => bench.Client.Download(job.ReplyUrl!, bench.In("again")));
            Check.That(gone.HttpStatus >= 400, "it is gone with its session");
        }
    }
}
