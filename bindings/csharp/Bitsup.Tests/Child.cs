using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;

namespace Bitsup.Tests
{
    /// <summary>The parts of this program that tests run as a separate process.</summary>
    internal static class Child
    {
        /// <summary>Starts this program with redirected output, and with a standard input that stays open.</summary>
        public static Process Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

        public static Process Start(IDictionary<string, string> environment, params string[] arguments)
        {
            string[] child = { typeof(Child).Assembly.Location, "child" };
            return Program(environment, child, arguments);
        }

        /// <summary>Runs a .NET program with the runtime host of this process.</summary>
        public static Process Program(IDictionary<string, string> environment, string[] program, string[] arguments)
        {
            var start = new ProcessStartInfo(Process.GetCurrentProcess().MainModule!.FileName!)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            foreach (string argument in program)
            {
                start.ArgumentList.Add(argument);
            }

            foreach (string argument in arguments)
            {
                start.ArgumentList.Add(argument);
            }

            foreach ((string name, string value) in environment)
            {
                start.Environment[name] = value;
            }

            return Process.Start(start)!;
        }

        public static int Run(string[] arguments)
        {
            switch (arguments[0])
            {
                case "upload":
                    return Upload(arguments[1], arguments[2], arguments[3]);
                case "serve":
                    return Serve(arguments[1], arguments[2]);
                case "abandon":
                    return Abandon(arguments[1], arguments[2]);
                case "load":
                    return Load();
                default:
                    throw new ArgumentException($"unknown child command: {arguments[0]}");
            }
        }

        /// <summary>Uploads one fragment, prints its length, and waits to be killed.</summary>
        private static int Upload(string path, string url, string state)
        {
            using var client = new BitsClient(new BitsClientOptions { FragmentSize = 100_000 });
            client.Upload(path, url, new UploadOptions { StatePath = state }, new SyncProgress<UploadProgress>(progress =>
            {
                Console.WriteLine(progress.Sent);
                Thread.Sleep(Timeout.Infinite);
            }));
            return 1;
        }

        private static int Serve(string root, string listen)
        {
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Root = root, Listen = listen });
            Console.WriteLine(server.Url);
            Console.ReadLine();
            return 0;
        }

        /// <summary>Exits during an upload to a running server without disposing anything.</summary>
        private static int Abandon(string root, string path)
        {
            var server = BitsServer.Start(new BitsServerOptions
            {
                Root = root,
                Hooks = new BitsHooks { OnProgress = upload => Garbage.Collect() },
            });
            var half = new ManualResetEventSlim();
            var client = new BitsClient(new BitsClientOptions { FragmentSize = 10_000 });
            _ = client.UploadAsync(path, server.Url + "file.bin", progress: new SyncProgress<UploadProgress>(progress => half.Set()));
            half.Wait();
            Console.WriteLine("leaving");
            return 0;
        }

        private static int Load()
        {
            try
            {
                Console.WriteLine(BitsLibrary.Version);
                return 0;
            }
            catch (DllNotFoundException missing)
            {
                Console.WriteLine(missing.Message);
                return 3;
            }
        }
    }
}
