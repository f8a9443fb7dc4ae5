using System.IO;
using System.Text;

namespace Bitsup.Tests
{
    internal static class ReplyTests
    {
        private static readonly byte[] Reply = Encoding.ASCII.GetBytes("300000 bytes, thank you");

        [Test("B-REPLY-01")]
        public static void Reply_bytes_are_written_to_the_reply_file()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Reply) });
            long? last = null;
            var options = new UploadOptions { ReplyPath = fixture.In("reply"), OnReplyProgress = progress => last = progress.Received };
            UploadResult result = fixture.Client.Upload(fixture.Source, fixture.Url(), options);
            Check.Same(Reply, File.ReadAllBytes(fixture.In("reply")));
            Check.Equal(Reply.Length, last);
            Check.Equal(fixture.In("reply"), result.ReplyPath);
            Check.That(result.ReplyUrl!.StartsWith(fixture.Server.Url, System.StringComparison.Ordinal), "the reply has a URL");
        }

        [Test("B-REPLY-02", "B-HOOK-04")]
        public static void A_reply_file_is_moved_by_the_server()
        {
            using var fixture = new Fixture();
            string? written = null;
            fixture.Serve(new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    Check.Same(fixture.Content, File.ReadAllBytes(upload.DataPath!));
                    written = upload.ReplyPath!;
                    File.WriteAllBytes(written, Reply);
                    verdict.SetReplyPath(written);
                    verdict.SetKeepFile(false);
                },
            });
            fixture.Client.Upload(fixture.Source, fixture.Url(), new UploadOptions { ReplyPath = fixture.In("reply") });
            Check.Same(Reply, File.ReadAllBytes(fixture.In("reply")));
            Check.That(!File.Exists(written), "the server took the file");
            Check.That(!File.Exists(Path.Combine(fixture.Root, "file.bin")), "the upload was discarded as requested");
            fixture.Server.Stop();
        }

        [Test("B-REPLY-03")]
        public static void A_job_with_a_reply_path_fails_without_a_reply()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            var options = new UploadOptions { ReplyPath = fixture.In("reply") };
            Check.Fails(BitsStatus.Protocol, () => fixture.Client.Upload(fixture.Source, fixture.Url(), options));
            Check.That(!File.Exists(fixture.In("reply")), "there is no reply");
        }

        [Test("B-REPLY-04")]
        public static void The_reply_can_be_downloaded_until_the_session_is_closed()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(Reply) });
            UploadJob? running = null;
            long? total = null;
            using UploadJob job = fixture.Client.CreateJob(fixture.Source, fixture.Url(), new UploadOptions
            {
                ReplyPath = fixture.In("reply"),
                OnState = (from, to) =>
                {
                    if (to == JobState.Transferred)
                    {
                        var progress = new SyncProgress<DownloadProgress>(received => total = received.Total);
                        fixture.Client.Download(running!.ReplyUrl!, fixture.In("downloaded"), progress);
                    }
                },
            });
            running = job;
            job.Run();
            Check.Same(Reply, File.ReadAllBytes(fixture.In("downloaded")));
            Check.Equal(Reply.Length, total);
            BitsException gone = Check.Throws<BitsException>(() => fixture.Client.Download(job.ReplyUrl!, fixture.In("again")));
            Check.That(gone.HttpStatus >= 400, "the reply is removed with its session");
        }
    }
}
