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
    /// <summary>Runs the code of the README, which is compared with the code between the comments.</summary>
    internal static class Snippets
    {
        [Test]
        public static void Every_README_snippet_is_run_here()
        {
            string readme = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "README.md"));
            string source = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "Bitsup.Tests", "Snippets.cs"));
            string[] shown = Blocks(readme, @"^```csharp\n(.*?)^```$");
            string[] run = Blocks(source, @"^            // Snippet:\n(.*?)^            // End of snippet\.$");
            Check.That(shown.Length > 4, "the README contains snippets");
            Check.Equal(string.Join("\n---\n", shown), string.Join("\n---\n", run.Select(Dedent)));
            string[] front = Blocks(File.ReadAllText(Path.Combine(Checkout.Root, "README.md")), @"^```csharp\n(.*?)^```$");
            Check.That(front.Length > 0 && front.All(shown.Contains), "the snippets of the root README are in this README");
        }

        [Test]
        public static void A_first_upload()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            (string path, string url) = (fixture.Source, fixture.Url());

            // Snippet:
            using var client = new BitsClient();
            client.Upload(path, url);
            // End of snippet.
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test]
        public static async Task An_upload_with_all_options()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnReceived = (upload, verdict) => verdict.SetReply(new byte[] { 1 }) });
            (string path, string url, string state, string reply) = (fixture.Source, fixture.Url(), fixture.In("state"), fixture.In("reply"));
            CancellationToken token = CancellationToken.None;

            // Snippet:
            using var client = new BitsClient(new BitsClientOptions
            {
                RateLimit = 1_000_000,
                ConnectTimeout = TimeSpan.FromSeconds(10),
                Headers = { new KeyValuePair<string, string>("X-Shift", "night") },
            });
            var progress = new Progress<UploadProgress>(now => Console.WriteLine($"{now.Fraction:P0}"));
            var options = new UploadOptions { StatePath = state, ReplyPath = reply };
            UploadResult result = await client.UploadAsync(path, url, options, progress, token);
            // End of snippet.
            Check.Equal(fixture.Content.Length, result.Length);
            Check.Equal(1, File.ReadAllBytes(reply).Length);
        }

        [Test]
        public static void A_suspended_job()
        {
            using var fixture = new Fixture();
            using FakeServer peer = FakeServer.Responding("503 Service Unavailable");
            (string path, string url, BitsClient client) = (fixture.Source, peer.Url, fixture.Client);

            // Snippet:
            using UploadJob job = client.CreateJob(path, url, new UploadOptions
            {
                OnState = (from, to) => Console.WriteLine($"{from} -> {to}"),
                OnRetry = retry => retry.Delay = TimeSpan.FromSeconds(1),
            });
            Task run = job.RunAsync();
            job.Suspend(); // from any thread; RunAsync resumes later
            // End of snippet.
            Check.Fails(BitsStatus.Suspended, () => run.GetAwaiter().GetResult());
        }

        [Test]
        public static void An_error_of_the_server()
        {
            using var fixture = new Fixture();
            fixture.Serve(new BitsHooks { OnCreate = (upload, verdict) => verdict.Reject(403) });
            (string path, string url, BitsClient client) = (fixture.Source, fixture.Url(), fixture.Client);

            // Snippet:
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
            // End of snippet.
        }

        [Test]
        public static void A_server_with_hooks()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            string root = fixture.Root;

            // Snippet:
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
            // End of snippet.
            fixture.Client.Upload(fixture.Source, server.Url + "file.bin", new UploadOptions { ReplyPath = fixture.In("reply") });
            Check.Equal("thank you, nobody", File.ReadAllText(fixture.In("reply")));
            File.WriteAllText(fixture.Source, "");
            BitsException empty = Check.Throws<BitsException>(() => fixture.Client.Upload(fixture.Source, server.Url + "empty.bin"));
            Check.Equal(403, empty.HttpStatus);
        }

        [Test]
        public static async Task A_client_with_credentials_and_a_proxy()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            (string proxy, string url) = (fixture.Server.Url, fixture.Url());
            Func<string, Task<string>> freshToken = Task.FromResult;

            // Snippet:
            using var client = new BitsClient(new BitsClientOptions
            {
                Credentials = BitsCredentials.Basic("ann", "secret"),
                OnCredentials = async request => request.Scheme == AuthScheme.Bearer
                    ? BitsCredentials.Bearer(await freshToken(request.Realm))
                    : null,
                Proxy = proxy,
                NoProxy = { "127.0.0.1" },
                Logger = new BitsLogger((level, component, message) => Console.Error.WriteLine($"{component}: {message}"), BitsLogLevel.Warning),
            });
            using Stream content = new MemoryStream(new byte[] { 1, 2, 3 });
            await client.UploadAsync(content, url);
            // End of snippet.
            Check.Equal(3, fixture.Received().Length);
        }

        [Test]
        public static async Task An_engine_in_another_server()
        {
            // Snippet:
            using BitsStore store = BitsStore.InMemory(1_000_000);
            using var engine = new BitsEngine(new BitsEngineOptions { Store = store });
            var request = new BitsRequest("BITS_POST", "/file.bin") { Peer = "192.0.2.7:4711" };
            request.Headers.Add(new KeyValuePair<string, string>("BITS-Packet-Type", "Ping"));
            request.Headers.Add(new KeyValuePair<string, string>("Content-Length", "0"));
            using BitsResponse response = await engine.HandleAsync(request, Stream.Null);
            Console.WriteLine($"{response.StatusCode} {response.ReasonPhrase}, {response.ContentLength} bytes, close: {response.MustClose}");
            await response.CopyToAsync(Stream.Null);
            // End of snippet.
            Check.Equal(200, response.StatusCode);
        }

        private static string[] Blocks(string text, string pattern) =>
            Regex.Matches(text, pattern, RegexOptions.Multiline | RegexOptions.Singleline).Select(match => match.Groups[1].Value).ToArray();

        private static string Dedent(string code) => Regex.Replace(code, "^ {12}", "", RegexOptions.Multiline);
    }
}
