using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>Runs the programs in examples/csharp.</summary>
    internal static class ExampleTests
    {
        [Test]
        public static void Serve_receives_files_from_upload_and_resume()
        {
            using var fixture = new Fixture();
            using Process server = Start("serve", fixture.Root);
            string url = server.StandardOutput.ReadLine()!;
            string output = RunExample(0, "upload", fixture.Source, url + "one");
            Check.That(output.EndsWith("progress 300000 300000\nsent 300000\n", System.StringComparison.Ordinal), output);
            Check.Same(fixture.Content, fixture.Received("one"));
            RunExample(0, "resume", fixture.Source, url + "two", fixture.In("state"));
            Check.Same(fixture.Content, fixture.Received("two"));
            RunExample(1, "upload", fixture.Source, url + "folder/three");
            RunExample(2, "upload");
            server.StandardInput.Close();
            string ends = server.StandardOutput.ReadToEnd();
            server.WaitForExit();
            Check.Equal("Closed /one 300000\nClosed /two 300000\n", ends);
            Check.Equal(0, server.ExitCode);
        }

        [Test]
        public static void Resume_continues_an_interrupted_upload()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            string url = fixture.Url();
            using UploadJob job = fixture.Client.CreateJob(
                fixture.Source, url, new UploadOptions { StatePath = fixture.In("state"), OnProgress = progress => throw new EndOfStreamException() });
            Check.Throws<EndOfStreamException>(() => job.Run());
            job.Dispose();
            string first = RunExample(0, "resume", fixture.Source, url, fixture.In("state")).Split('\n').First();
            Check.Equal("progress 100000 300000", first);
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test]
        public static void Reply_returns_the_checksum_and_discards_the_file()
        {
            using var fixture = new Fixture(length: 0);
            using Process server = Start("reply", fixture.Root);
            string url = server.StandardOutput.ReadLine()!;
            fixture.Client.Upload(fixture.Source, url + "file.bin", new UploadOptions { ReplyPath = fixture.In("reply") });
            string sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            Check.Equal($"{sum}  source.bin\n", File.ReadAllText(fixture.In("reply")));
            Check.Equal(0, Directory.GetFiles(fixture.Root).Count(file => file.EndsWith("file.bin", System.StringComparison.Ordinal)));
            server.StandardInput.Close();
            server.WaitForExit();
            Check.Equal(0, server.ExitCode);
        }

        private static Process Start(params string[] arguments)
        {
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Examples", "Examples.dll") };
            return Child.Program(new Dictionary<string, string>(), program, arguments);
        }

        /// <summary>Runs an example and returns its standard output.</summary>
        private static string RunExample(int exitCode, params string[] arguments)
        {
            using Process process = Start(arguments);
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Check.Equal(exitCode, process.ExitCode);
            return output;
        }
    }
}
