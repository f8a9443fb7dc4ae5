using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>The engine inside other HTTP servers; the vectors go through Kestrel in tests/embed.rs.</summary>
    internal static class EmbedTests
    {
        [Test("B-EMBED-02")]
        public static void A_large_file_goes_through_Kestrel()
        {
            using var bench = new Bench(length: 20_000_000);
            Directory.CreateDirectory(bench.Root);
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Embed", "Embed.dll") };
            using Process host = Child.Program(new Dictionary<string, string>(), program, new[] { bench.Root });
            try
            {
                string url = host.StandardOutput.ReadLine()!.Substring("listening on ".Length);
                using var client = new BitsClient(new BitsClientOptions { FragmentSize = 5_000_000 });
                client.Ping(url);
                client.Upload(bench.Source, url + "file.bin");
                Check.Same(bench.Content, bench.Received());
            }
            finally
            {
                host.Kill();
                host.WaitForExit();
            }
        }

        [Test("B-EMBED-02")]
        public static void A_large_reply_comes_back_through_Kestrel()
        {
            using var bench = new Bench(length: 1000);
            byte[] reply = Bench.Bytes(20_000_000, seed: 2);
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Bitsup.Embedded", "Bitsup.Embedded.dll") };
            using Process host = Child.Program(new Dictionary<string, string>(), program, new string[0]);
            try
            {
                host.StandardInput.WriteLine($"serve\tdir\t{bench.Root}\tapp");
                host.StandardInput.Flush();
                string url = host.StandardOutput.ReadLine()!.Substring("listening on ".Length);
                Task application = Task.Run(() => AnswerWith(reply, host));
                var options = new UploadOptions { ReplyPath = bench.In("reply") };
                bench.Client.Upload(bench.Source, url + "file.bin", options);
                Check.Same(bench.Content, bench.Received());
                Check.Same(reply, File.ReadAllBytes(bench.In("reply")));
                host.StandardInput.WriteLine("end");
                host.StandardInput.Flush();
                application.GetAwaiter().GetResult();
            }
            finally
            {
                host.Kill();
                host.WaitForExit();
            }
        }

        /// <summary>Speaks for the application of Bitsup.Embedded until that says that it has ended.</summary>
        private static void AnswerWith(byte[] reply, Process host)
        {
            Stream told = host.StandardInput.BaseStream;
            while (host.StandardOutput.ReadLine() is { } line && line != "ended")
            {
                bool isReceived = line.StartsWith("received\t", StringComparison.Ordinal);
                told.Write(Encoding.ASCII.GetBytes(isReceived ? $"reply {reply.Length}\n" : "accept\n"));
                told.Write(isReceived ? reply : new byte[0]);
                told.Flush();
            }
        }

        [Test("B-EMBED-03", "B-LIFE-03")]
        public static async Task A_hook_that_takes_its_time_holds_no_other_request_up()
        {
            using var bench = new Bench();
            Directory.CreateDirectory(bench.Root);
            using var go = new ManualResetEventSlim();
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = bench.Root,
                Hooks = new BitsHooks
                {
                    OnCreate = (upload, verdict) =>
                    {
                        Garbage.Collect();
                        go.Wait();
                    },
                },
            });
            Task<BitsResponse>[] slow = Enumerable.Range(0, 50).Select(number => Ask(engine, "Create-Session", $"/{number}")).ToArray();
            using BitsResponse quick = await Ask(engine, "Ping", "/");
            Check.Equal((200, false), (quick.StatusCode, slow.Any(one => one.IsCompleted)));
            go.Set();
            foreach (BitsResponse response in await Task.WhenAll(slow))
            {
                Check.That(response.StatusCode == 200 && response.Headers.Any(field => field.Key == "BITS-Session-Id"), "a session is made");
                response.Dispose();
            }
        }

        [Test("B-ERROR-05")]
        public static async Task What_a_hook_throws_comes_after_the_answer()
        {
            using var bench = new Bench();
            Directory.CreateDirectory(bench.Root);
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = bench.Root,
                Hooks = new BitsHooks { OnRequest = (upload, verdict) => throw new InvalidDataException() },
            });
            using BitsResponse response = await Ask(engine, "Ping", "/");
            Check.Equal(500, response.StatusCode);
            Check.Throws<InvalidDataException>(() => response.CopyToAsync(new MemoryStream()).GetAwaiter().GetResult());
            Check.Throws<ArgumentNullException>(() => engine.HandleAsync(null!, Stream.Null).GetAwaiter().GetResult());
            Check.That(engine.Accepts("BITS_POST", "/x") && !engine.Accepts("POST", "/x"), "it knows its verb");
        }

        private static Task<BitsResponse> Ask(BitsEngine engine, string packet, string target)
        {
            var request = new BitsRequest("BITS_POST", target) { Peer = "192.0.2.7:4711" };
            string[,] fields =
            {
                { "Host", "x" }, { "Content-Length", "0" }, { "BITS-Packet-Type", packet },
                { "BITS-Supported-Protocols", "{7df0354d-249b-430f-820d-3d2a9bef4931}" },
            };
            for (int at = 0; at < fields.GetLength(0); at++)
            {
                request.Headers.Add(new KeyValuePair<string, string>(fields[at, 0], fields[at, 1]));
            }

            return engine.HandleAsync(request, Stream.Null);
        }

        [Test("B-NOTIFY-01")]
        public static void An_application_at_a_URL_answers_with_the_reply()
        {
            using var application = new Peer(stream =>
            {
                while (Peer.Request(stream) is { } head)
                {
                    string length = head.Split("\r\n").First(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
                    for (int left = int.Parse(length.Split(':')[1]); left > 0; left--)
                    {
                        stream.ReadByte();
                    }

                    stream.Write(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nreply"));
                }
            });
            using var bench = new Bench(length: 1000);
            bench.Serve(new BitsHooks { Notify = new NotifyOptions(NotifyKind.ByValue, application.Url, TimeSpan.FromSeconds(20)) });
            bench.Client.Upload(bench.Source, bench.Url(), new UploadOptions { ReplyPath = bench.In("reply") });
            Check.Equal("reply", File.ReadAllText(bench.In("reply")));
        }
    }
}
