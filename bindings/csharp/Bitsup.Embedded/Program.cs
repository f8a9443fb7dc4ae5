using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Bitsup.Examples;

namespace Bitsup.Embedded
{
    /// <summary>
    /// Serves an engine in Kestrel under the control of a test; the other side is tests/abi/embed/kestrel.rs. One process serves
    /// many test cases, because starting .NET is slow. A case starts with a line on stdin of tab-separated fields: "serve",
    /// then "dir" for a directory store or "own" for <see cref="FileStorage"/>, the root, optionally "app", and pairs of
    /// setting and value. The line "end" ends it, and "ended" is printed on stdout. With "app" each hook prints a line on
    /// stdout, waits for a line on stdin, and executes the commands in it. The program runs until the end of stdin.
    /// </summary>
    internal static class Program
    {
        private static readonly object HookLock = new object();
        private static readonly Stream Input = Console.OpenStandardInput();

        /// <summary>
        /// Command lines for hooks. A command may be followed by bytes, so stdin is not read until it was executed.
        /// </summary>
        private static readonly BlockingCollection<string> Commands = new BlockingCollection<string>();
        private static readonly SemaphoreSlim CommandsDone = new SemaphoreSlim(0);

        private static readonly Dictionary<string, Action<BitsEngineOptions, string>> Settings =
            new Dictionary<string, Action<BitsEngineOptions, string>>
            {
                ["max-upload-size"] = (options, value) => options.MaxUploadSize = ParseNumber(value),
                ["max-fragment-size"] = (options, value) => options.MaxFragmentSize = ParseNumber(value),
                ["max-sessions"] = (options, value) => options.MaxSessions = ParseNumber(value),
                ["max-sessions-per-user"] = (options, value) => options.MaxSessionsPerOwner = ParseNumber(value),
                ["allow-overwrites"] = (options, value) => options.AllowOverwrite = true,
                ["overlap"] = (options, value) => options.Overlap = OverlapPolicy.Reject,
                ["finalize"] = (options, value) => options.FinalizeOn = FinalizeOn.Close,
                ["method-override"] = (options, value) => options.MethodOverride = true,
                ["public-url"] = (options, value) => options.PublicUrl = value,
                ["host-id"] = SetHostId,
            };

        private static void Main()
        {
            CancellationTokenSource? end = null;
            while (ReadLine() is { } line)
            {
                string[] words = line.Split('\t');
                switch (words[0])
                {
                    case "serve":
                        end = new CancellationTokenSource();
                        Serve(words.Skip(1).ToArray(), end.Token);
                        break;
                    case "end":
                        end!.Cancel();
                        break;
                    default:
                        Commands.Add(line);
                        CommandsDone.Wait();
                        break;
                }
            }
        }

        /// <summary>
        /// Serves one test case. It is async void so that an exception ends the program, which fails the test.
        /// </summary>
        private static async void Serve(string[] arguments, CancellationToken end)
        {
            using (BitsStore store = Store(arguments[0], arguments[1]))
            using (var engine = new BitsEngine(Options(store, arguments.Skip(2))))
            {
                await KestrelHost.Run(engine, 0, end);
            }

            Console.WriteLine("ended");
        }

        private static BitsStore Store(string kind, string root) => kind switch
        {
            "dir" => BitsStore.OpenDirectory(root, Durability.None),
            "own" => BitsStore.FromStorage(new FileStorage(root) { OnException = Fail }),
            _ => throw new InvalidDataException(kind),
        };

        private static BitsEngineOptions Options(BitsStore store, IEnumerable<string> arguments)
        {
            var options = new BitsEngineOptions { Store = store };
            var rest = new Queue<string>(arguments);
            while (rest.TryDequeue(out string? name))
            {
                if (name == "app")
                {
                    options.Hooks = ReportingHooks();
                }
                else
                {
                    Settings[name](options, rest.Dequeue());
                }
            }

            return options;
        }

        private static BitsHooks ReportingHooks() => new BitsHooks
        {
            OnRequest = (upload, verdict) => Report("request", 0, upload, verdict),
            OnCreate = (upload, verdict) => Report("create", 0, upload, verdict),
            OnReceived = Received,
            OnProgress = upload => Report("progress", upload.Received, upload, null),
            OnEnd = (upload, reason) => Report("ended", (long)reason, upload, null),
            OnException = Fail,
        };

        private static void Fail(Exception exception)
        {
            Console.Error.WriteLine(exception);
            Environment.Exit(1);
        }

        /// <summary>Reports a received upload. If the store has no file, the test is given a copy of the data.</summary>
        private static void Received(BitsUpload upload, BitsVerdict verdict)
        {
            if (upload.DataPath != null)
            {
                Report("received", upload.Total ?? 0, upload, verdict);
                return;
            }

            string copy = Path.GetTempFileName();
            try
            {
                Copy(upload, copy);
                Report("received", upload.Total ?? 0, upload, verdict, copy);
            }
            finally
            {
                File.Delete(copy);
            }
        }

        private static void Copy(BitsUpload upload, string path)
        {
            using FileStream file = File.Create(path);
            var buffer = new byte[65_536];
            for (int read = upload.Read(0, buffer); read > 0; read = upload.Read(file.Length, buffer))
            {
                file.Write(buffer, 0, read);
            }
        }

        private static void SetHostId(BitsEngineOptions options, string value)
        {
            string[] words = value.Split(' ');
            options.HostId = words[0];
            options.HostIdFallbackTimeout = TimeSpan.FromSeconds(words.Length > 1 ? ParseNumber(words[1]) : 0);
        }

        /// <summary>Reports an event and executes the commands that the test sends back.</summary>
        private static void Report(string what, long value, BitsUpload upload, BitsVerdict? verdict, string? copy = null)
        {
            lock (HookLock)
            {
                Console.WriteLine($"{what}\t{value}\t{upload.Url}\t{upload.DataPath ?? copy}\t{upload.ReplyPath}");
                var words = new Queue<string>(Commands.Take().Split(' ', StringSplitOptions.RemoveEmptyEntries));
                while (verdict != null && words.TryDequeue(out string? word))
                {
                    Execute(word, words, upload, verdict);
                }

                CommandsDone.Release();
            }
        }

        private static void Execute(string word, Queue<string> rest, BitsUpload upload, BitsVerdict verdict)
        {
            switch (word)
            {
                case "accept":
                    break;
                case "reject":
                    verdict.Reject((int)ParseNumber(rest.Dequeue()), (uint)ParseNumber(rest.Dequeue()), (BitsErrorContext)ParseNumber(rest.Dequeue()));
                    break;
                case "owner":
                    verdict.SetOwner(rest.Dequeue());
                    break;
                case "to":
                    verdict.SetDestination(rest.Dequeue());
                    break;
                case "keep":
                    verdict.SetKeepFile(rest.Dequeue() == "yes");
                    break;
                case "url":
                    verdict.SetReplyUrl(rest.Dequeue());
                    break;
                case "reply":
                    verdict.SetReply(ReadBytes((int)ParseNumber(rest.Dequeue())));
                    break;
                case "reply-file":
                    verdict.SetReplyPath(upload.ReplyPath!);
                    break;
                default:
                    throw new InvalidDataException(word);
            }
        }

        /// <summary>Reads a line; null at the end of stdin.</summary>
        private static string? ReadLine()
        {
            var line = new List<byte>();
            for (int next = Input.ReadByte(); next != '\n'; next = Input.ReadByte())
            {
                if (next < 0)
                {
                    return null;
                }

                line.Add((byte)next);
            }

            return Encoding.UTF8.GetString(line.ToArray());
        }

        /// <summary>Reads the bytes that follow a line.</summary>
        private static byte[] ReadBytes(int length)
        {
            var bytes = new byte[length];
            for (int filled = 0, count; filled < length; filled += count)
            {
                count = Input.Read(bytes, filled, length - filled);
                if (count == 0)
                {
                    throw new EndOfStreamException();
                }
            }

            return bytes;
        }

        private static long ParseNumber(string text) => text.StartsWith("0x", StringComparison.Ordinal)
            ? long.Parse(text.Substring(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(text, CultureInfo.InvariantCulture);
    }
}
