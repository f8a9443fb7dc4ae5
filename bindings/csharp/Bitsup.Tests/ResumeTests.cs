using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;

namespace Bitsup.Tests
{
    internal static class ResumeTests
    {
        [Test("B-RESUME-01", "B-RESUME-03")]
        public static void After_a_kill_only_the_missing_part_is_sent()
        {
            using var fixture = new Fixture();
            var stored = new ConcurrentQueue<long>();
            fixture.Serve(new BitsHooks { OnProgress = upload => stored.Enqueue(upload.Received) });
            string state = fixture.In("state");
            using (Process child = Child.Start("upload", fixture.Source, fixture.Url(), state))
            {
                Check.Equal("100000", child.StandardOutput.ReadLine());
                Check.That(File.Exists(state), "the state was saved");
                child.Kill();
                child.WaitForExit();
            }

            fixture.Client.Upload(fixture.Source, fixture.Url(), new UploadOptions { StatePath = state });
            Check.Same(fixture.Content, fixture.Received());
            Check.Equal("100000 200000 300000", string.Join(" ", stored));
            Check.That(!File.Exists(state), "the state was removed with the job");
        }

        [Test("B-RESUME-02")]
        public static void An_upload_continues_after_its_server_was_restarted()
        {
            using var fixture = new Fixture();
            Process server = Child.Start("serve", fixture.Root, "127.0.0.1:0");
            string url = server.StandardOutput.ReadLine()!;
            var sent = new ConcurrentQueue<long>();
            var kill = new SyncProgress<UploadProgress>(progress =>
            {
                if (sent.IsEmpty)
                {
                    server.Kill();
                    server.WaitForExit();
                    server.Dispose();
                    server = Child.Start("serve", fixture.Root, new System.Uri(url).Authority);
                    Check.Equal(url, server.StandardOutput.ReadLine());
                }

                sent.Enqueue(progress.Sent);
            });
            fixture.Client.Upload(fixture.Source, url + "file.bin", progress: kill);
            Check.Same(fixture.Content, fixture.Received());
            Check.Equal("100000 200000 300000", string.Join(" ", sent));
            server.Kill();
            server.WaitForExit();
            server.Dispose();
        }
    }
}
