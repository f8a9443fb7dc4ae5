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
    /// <summary>Engines in other HTTP servers. tests/abi/embed.rs runs the test vectors through Kestrel.</summary>
    internal static class EmbedTests
    {
        [Test("B-EMBED-02")]
        public static void A_large_file_is_uploaded_through_Kestrel()
        {
            using var fixture = new Fixture(length: 20_000_000);
            Directory.CreateDirectory(fixture.Root);
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Embed", "Embed.dll") };
            using Process host = Child.Program(new Dictionary<string, string>(), program, new[] { fixture.Root });
            try
            {
                string url = host.StandardOutput.ReadLine()!.Substring("listening on ".Length);
                using var client = new BitsClient(new BitsClientOptions { FragmentSize = 5_000_000 });
                client.Ping(url);
                client.Upload(fixture.Source, url + "file.bin");
                Check.Same(fixture.Content, fixture.Received());
            }
            finally
            {
                host.Kill();
                host.WaitForExit();
            }
        }

        [Test("B-EMBED-02")]
        public static void A_large_reply_is_received_through_Kestrel()
        {
            using var fixture = new Fixture(length: 1000);
            byte[] reply = Fixture.Bytes(20_000_000, seed: 2);
            string[] program = { Path.Combine(Checkout.Root, "target", "csharp", "bin", "Bitsup.Embedded", "Bitsup.Embedded.dll") };
            using Process host = Child.Program(new Dictionary<string, string>(), program, new string[0]);
            try
            {
                host.StandardInput.WriteLine($"serve\tdir\t{fixture.Root}\tapp");
                host.StandardInput.Flush();
                string url = host.StandardOutput.ReadLine()!.Substring("listening on ".Length);
                Task application = Task.Run(() => ReplyWith(reply, host));
                var options = new UploadOptions { ReplyPath = fixture.In("reply") };
                fixture.Client.Upload(fixture.Source, url + "file.bin", options);
                Check.Same(fixture.Content, fixture.Received());
                Check.Same(reply, File.ReadAllBytes(fixture.In("reply")));
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

        /// <summary>Acts as the application of Bitsup.Embedded until the test case has ended.</summary>
        private static void ReplyWith(byte[] reply, Process host)
        {
            Stream input = host.StandardInput.BaseStream;
            while (host.StandardOutput.ReadLine() is { } line && line != "ended")
            {
                bool isReceived = line.StartsWith("received\t", StringComparison.Ordinal);
                input.Write(Encoding.ASCII.GetBytes(isReceived ? $"reply {reply.Length}\n" : "accept\n"));
                input.Write(isReceived ? reply : new byte[0]);
                input.Flush();
            }
        }

        [Test("B-EMBED-03", "B-LIFE-03")]
        public static async Task A_blocking_hook_does_not_delay_other_requests()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            using var go = new ManualResetEventSlim();
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = fixture.Root,
                Hooks = new BitsHooks
                {
                    OnCreate = (upload, verdict) =>
                    {
                        Garbage.Collect();
                        go.Wait();
                    },
                },
            });
            Task<BitsResponse>[] slow = Enumerable.Range(0, 50).Select(number => SendAsync(engine, "Create-Session", $"/{number}")).ToArray();
            using BitsResponse quick = await SendAsync(engine, "Ping", "/");
            Check.Equal((200, false), (quick.StatusCode, slow.Any(one => one.IsCompleted)));
            go.Set();
            foreach (BitsResponse response in await Task.WhenAll(slow))
            {
                Check.That(response.StatusCode == 200 && response.Headers.Any(field => field.Key == "BITS-Session-Id"), "a session is made");
                response.Dispose();
            }
        }

        [Test("B-ERROR-05")]
        public static async Task An_exception_of_a_hook_is_thrown_after_the_response()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            using var engine = new BitsEngine(new BitsEngineOptions
            {
                Root = fixture.Root,
                Hooks = new BitsHooks { OnRequest = (upload, verdict) => throw new InvalidDataException() },
            });
            using BitsResponse response = await SendAsync(engine, "Ping", "/");
            Check.Equal(500, response.StatusCode);
            Check.Throws<InvalidDataException>(() => response.CopyToAsync(new MemoryStream()).GetAwaiter().GetResult());
            Check.Throws<ArgumentNullException>(() => engine.HandleAsync(null!, Stream.Null).GetAwaiter().GetResult());
            Check.That(engine.Accepts("BITS_POST", "/x") && !engine.Accepts("POST", "/x"), "only BITS_POST is accepted");
        }

        private static Task<BitsResponse> SendAsync(BitsEngine engine, string packet, string target)
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
        public static void A_notified_application_returns_the_reply()
        {
            using var application = new FakeServer(stream =>
            {
                while (FakeServer.ReadHead(stream) is { } head)
                {
                    string length = head.Split("\r\n").First(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
                    for (int left = int.Parse(length.Split(':')[1]); left > 0; left--)
                    {
                        stream.ReadByte();
                    }

                    stream.Write(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nreply"));
                }
            });
            using var fixture = new Fixture(length: 1000);
            fixture.Serve(new BitsHooks { Notify = new NotifyOptions(NotifyKind.ByValue, application.Url, TimeSpan.FromSeconds(20)) });
            fixture.Client.Upload(fixture.Source, fixture.Url(), new UploadOptions { ReplyPath = fixture.In("reply") });
            Check.Equal("reply", File.ReadAllText(fixture.In("reply")));
        }
    }
}
