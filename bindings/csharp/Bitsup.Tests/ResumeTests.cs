using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;

namespace Bitsup.Tests
{
    internal static class ResumeTests
    {
        [Test("B-RESUME-01", "B-RESUME-03")]
        public static void After_a_kill_only_what_is_missing_is_sent()
        {
            using var bench = new Bench();
            var stored = new ConcurrentQueue<long>();
            bench.Serve(new BitsHooks { OnProgress = upload => stored.Enqueue(upload.Received) });
            string state = bench.In("state");
            using (Process child = Child.Start("upload", bench.Source, bench.Url(), state))
            {
                Check.Equal("100000", child.StandardOutput.ReadLine());
                Check.That(File.Exists(state), "the state is kept");
                child.Kill();
                child.WaitForExit();
            }

            bench.Client.Upload(bench.Source, bench.Url(), new UploadOptions { StatePath = state });
            Check.Same(bench.Content, bench.Received());
            Check.Equal("100000 200000 300000", string.Join(" ", stored));
            Check.That(!File.Exists(state), "the state is gone with the job");
        }

        [Test("B-RESUME-02")]
        public static void The_upload_goes_on_when_its_server_was_killed_and_came_back()
        {
            using var bench = new Bench();
            Process server = Child.Start("serve", bench.Root, "127.0.0.1:0");
            string url = server.StandardOutput.ReadLine()!;
            var sent = new ConcurrentQueue<long>();
            var kill = new Heard<UploadProgress>(progress =>
            {
                if (sent.IsEmpty)
                {
                    server.Kill();
                    server.WaitForExit();
                    server.Dispose();
                    server = Child.Start("serve", bench.Root, new System.Uri(url).Authority);
                    Check.Equal(url, server.StandardOutput.ReadLine());
                }

                sent.Enqueue(progress.Sent);
            });
            bench.Client.Upload(bench.Source, url + "file.bin", progress: kill);
            Check.Same(bench.Content, bench.Received());
            Check.Equal("100000 200000 300000", string.Join(" ", sent));
            server.Kill();
            server.WaitForExit();
            server.Dispose();
        }
    }
}
