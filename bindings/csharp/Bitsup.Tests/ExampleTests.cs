using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>The programs in examples/csharp do what they say.</summary>
    internal static class ExampleTests
    {
        [Test]
        public static void Serve_takes_what_upload_and_resume_send()
        {
            using var bench = new Bench();
            using Process server = Start("serve", bench.Root);
            string url = server.StandardOutput.ReadLine()!;
            string said = Done(0, "upload", bench.Source, url + "one");
            Check.That(said.EndsWith("progress 300000 300000\nsent 300000\n", System.StringComparison.Ordinal), said);
            Check.Same(bench.Content, bench.Received("one"));
            Done(0, "resume", bench.Source, url + "two", bench.In("state"));
            Check.Same(bench.Content, bench.Received("two"));
            Done(1, "upload", bench.Source, url + "folder/three");
            Done(2, "upload");
            server.StandardInput.Close();
            string ends = server.StandardOutput.ReadToEnd();
            server.WaitForExit();
            Check.Equal("Closed /one 300000\nClosed /two 300000\n", ends);
            Check.Equal(0, server.ExitCode);
        }

        [Test]
        public static void Resume_goes_on_after_the_server_was_away()
        {
            using var bench = new Bench();
            bench.Serve();
            string url = bench.Url();
            using UploadJob job = bench.Client.CreateJob(
                bench.Source, url, new UploadOptions { StatePath = bench.In("state"), OnProgress = progress => throw new EndOfStreamException() });
            Check.Throws<EndOfStreamException>(() => job.Run());
            job.Dispose();
            string first = Done(0, "resume", bench.Source, url, bench.In("state")).Split('\n').First();
            Check.Equal("progress 100000 300000", first);
            Check.Same(bench.Content, bench.Received());
        }

        [Test]
        public static void Reply_answers_with_the_sum_and_drops_the_file()
        {
            using var bench = new Bench(length: 0);
            using Process server = Start("reply", bench.Root);
            string url = server.StandardOutput.ReadLine()!;
            bench.Client.Upload(bench.Source, url + "file.bin", new UploadOptions { ReplyPath = bench.In("reply") });
            string sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            Check.Equal($"{sum}  source.bin\n", File.ReadAllText(bench.In("reply")));
            Check.Equal(0, Directory.GetFiles(bench.Root).Count(file => file.EndsWith("file.bin", System.StringComparison.Ordinal)));
            server.StandardInput.Close();
            server.WaitForExit();
            Check.Equal(0, server.ExitCode);
        }

        private static Process Start(params string[] arguments)
        {
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Examples", "Examples.dll") };
            return Child.Program(new Dictionary<string, string>(), program, arguments);
        }

        /// <summary>What it said on stdout.</summary>
        private static string Done(int exitCode, params string[] arguments)
        {
            using Process process = Start(arguments);
            string said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Check.Equal(exitCode, process.ExitCode);
            return said;
        }
    }
}
