using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>What the README shows, run. The code between the comments is in it, line by line.</summary>
    internal static class Snippets
    {
        [Test]
        public static void The_README_shows_nothing_that_is_not_run_here()
        {
            string readme = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "README.md"));
            string source = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "Bitsup.Tests", "Snippets.cs"));
            string[] shown = Blocks(readme, @"^```csharp\n(.*?)^```$");
            string[] run = Blocks(source, @"^            // Shown:\n(.*?)^            // End\.$");
            Check.That(shown.Length > 4, "the README shows something");
            Check.Equal(string.Join("\n---\n", shown), string.Join("\n---\n", run.Select(Outdented)));
            string[] front = Blocks(File.ReadAllText(Path.Combine(Checkout.Root, "README.md")), @"^```csharp\n(.*?)^```$");
            Check.That(front.Length > 0 && front.All(shown.Contains), "the front page shows what the README shows");
        }

        [Test]
        public static void A_first_upload()
        {
            using var bench = new Bench();
            bench.Serve();
            (string path, string url) = (bench.Source, bench.Url());

            // Shown:
            using var client = new BitsClient();
            client.Upload(path, url);
            // End.
            Check.Same(bench.Content, bench.Received());
        }

        [Test]
        public static async Task An_upload_with_everything()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(new byte[] { 1 }) });
            (string path, string url, string state, string reply) = (bench.Source, bench.Url(), bench.In("state"), bench.In("reply"));
            CancellationToken token = CancellationToken.None;

            // Shown:
            using var client = new BitsClient(new BitsClientOptions
            {
                RateLimit = 1_000_000,
                ConnectTimeout = TimeSpan.FromSeconds(10),
                Headers = { new KeyValuePair<string, string>("X-Shift", "night") },
            });
            var progress = new Progress<UploadProgress>(now => Console.WriteLine($"{now.Fraction:P0}"));
            var options = new UploadOptions { StatePath = state, ReplyPath = reply };
            UploadResult result = await client.UploadAsync(path, url, options, progress, token);
            // End.
            Check.Equal(bench.Content.Length, result.Length);
            Check.Equal(1, File.ReadAllBytes(reply).Length);
        }

        [Test]
        public static void A_job_that_is_suspended()
        {
            using var bench = new Bench();
            using Peer peer = Peer.Answering("503 Service Unavailable");
            (string path, string url, BitsClient client) = (bench.Source, peer.Url, bench.Client);

            // Shown:
            using UploadJob job = client.CreateJob(path, url, new UploadOptions
            {
                OnState = (from, to) => Console.WriteLine($"{from} -> {to}"),
                OnRetry = retry => retry.Delay = TimeSpan.FromSeconds(1),
            });
            Task run = job.RunAsync();
            job.Suspend(); // from any thread; RunAsync goes on later
            // End.
            Check.Fails(BitsStatus.Suspended, () => run.GetAwaiter().GetResult());
        }

        [Test]
        public static void What_the_server_said()
        {
            using var bench = new Bench();
            bench.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(403) });
            (string path, string url, BitsClient client) = (bench.Source, bench.Url(), bench.Client);

            // Shown:
            try
            {
                client.Upload(path, url);
            }
            catch (BitsException failure) when (failure.HttpStatus == 403)
            {
                Console.WriteLine($"{failure.Status} {failure.BitsHResult:X8} {failure.Context}: {failure.Message}");
            }
            catch (BitsException failure) when (failure.IsTransient)
            {
                Console.WriteLine("later, perhaps");
            }
            // End.
        }

        [Test]
        public static void A_server_with_hooks()
        {
            using var bench = new Bench();
            Directory.CreateDirectory(bench.Root);
            string root = bench.Root;

            // Shown:
            using BitsServer server = BitsServer.Start(new BitsServerOptions
            {
                Root = root,
                Listen = "127.0.0.1:0",
                Hooks = new BitsHooks
                {
                    OnRequest = (upload, verdict) => verdict.SetOwner(upload.Header("X-User") ?? "nobody"),
                    OnReceived = (upload, verdict) =>
                    {
                        if (upload.Received == 0)
                        {
                            verdict.Reject(403);
                        }

                        verdict.SetReply(Encoding.UTF8.GetBytes($"thank you, {upload.Owner}"));
                    },
                    OnEnd = (upload, reason) => Console.WriteLine($"{upload.Target}: {reason}"),
                },
            });
            Console.WriteLine(server.Url);
            // End.
            bench.Client.Upload(bench.Source, server.Url + "file.bin", new UploadOptions { ReplyPath = bench.In("reply") });
            Check.Equal("thank you, nobody", File.ReadAllText(bench.In("reply")));
            File.WriteAllText(bench.Source, "");
            BitsException empty = Check.Throws<BitsException>(() => bench.Client.Upload(bench.Source, server.Url + "empty.bin"));
            Check.Equal(403, empty.HttpStatus);
        }

        [Test]
        public static async Task A_client_that_is_asked_who_it_is()
        {
            using var bench = new Bench();
            bench.Serve();
            (string proxy, string url) = (bench.Server.Url, bench.Url());
            Func<string, Task<string>> freshToken = Task.FromResult;

            // Shown:
            using var client = new BitsClient(new BitsClientOptions
            {
                Credentials = BitsCredentials.Basic("ann", "secret"),
                OnCredentials = async request => request.Scheme == AuthScheme.Bearer
                    ? BitsCredentials.Bearer(await freshToken(request.Realm))
                    : null,
                Proxy = proxy,
                NoProxy = { "127.0.0.1" },
                Logger = new BitsLogger((level, part, message) => Console.Error.WriteLine($"{part}: {message}"), BitsLogLevel.Warning),
            });
            using Stream content = new MemoryStream(new byte[] { 1, 2, 3 });
            await client.UploadAsync(content, url);
            // End.
            Check.Equal(3, bench.Received().Length);
        }

        [Test]
        public static async Task An_engine_in_another_server()
        {
            // Shown:
            using BitsStore store = BitsStore.InMemory(1_000_000);
            using var engine = new BitsEngine(new BitsEngineOptions { Store = store });
            var request = new BitsRequest("BITS_POST", "/file.bin") { Peer = "192.0.2.7:4711" };
            request.Headers.Add(new KeyValuePair<string, string>("BITS-Packet-Type", "Ping"));
            request.Headers.Add(new KeyValuePair<string, string>("Content-Length", "0"));
            using BitsResponse response = await engine.HandleAsync(request, Stream.Null);
            Console.WriteLine($"{response.StatusCode} {response.ReasonPhrase}, {response.ContentLength} bytes, close: {response.MustClose}");
            await response.CopyToAsync(Stream.Null);
            // End.
            Check.Equal(200, response.StatusCode);
        }

        private static string[] Blocks(string text, string pattern) =>
            Regex.Matches(text, pattern, RegexOptions.Multiline | RegexOptions.Singleline).Select(match => match.Groups[1].Value).ToArray();

        private static string Outdented(string code) => Regex.Replace(code, "^ {12}", "", RegexOptions.Multiline);
    }
}
