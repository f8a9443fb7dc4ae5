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
    /// Bitsup.Embedded: examples/csharp/Embed with an engine that a test configures, and with an application that the test
    /// speaks for. Serves one case after the other, as .NET takes its time to start: each begins by a line on stdin, "serve",
    /// "dir" for a directory store of the library or "own" for <see cref="OwnStorage"/>, ROOT, "app" or nothing, and SETTING
    /// and VALUE any number of times, with tabs between them, and is over by the line "end", which "ended" on stdout answers. Each hook says a line on stdout, waits for one on stdin, and does what its
    /// words say; tests/support/kestrel.rs is the other side. Runs until stdin ends.
    /// </summary>
    internal static class Program
    {
        private static readonly object OneAtATime = new object();
        private static readonly Stream Input = Console.OpenStandardInput();

        /// <summary>What a hook is told. The hook reads what follows the line, so nobody else reads until it has obeyed.</summary>
        private static readonly BlockingCollection<string> Told = new BlockingCollection<string>();
        private static readonly SemaphoreSlim Obeyed = new SemaphoreSlim(0);

        private static readonly Dictionary<string, Action<BitsEngineOptions, string>> Settings =
            new Dictionary<string, Action<BitsEngineOptions, string>>
            {
                ["max-upload-size"] = (options, value) => options.MaxUploadSize = Number(value),
                ["max-fragment-size"] = (options, value) => options.MaxFragmentSize = Number(value),
                ["max-sessions"] = (options, value) => options.MaxSessions = Number(value),
                ["max-sessions-per-user"] = (options, value) => options.MaxSessionsPerOwner = Number(value),
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
            while (Line() is { } line)
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
                        Told.Add(line);
                        Obeyed.Wait();
                        break;
                }
            }
        }

        /// <summary>One case. It is void for an exception to end the program, which the test sees.</summary>
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
            "own" => BitsStore.FromStorage(new OwnStorage(root) { OnException = Fail }),
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
                    options.Hooks = SpeakForItself();
                }
                else
                {
                    Settings[name](options, rest.Dequeue());
                }
            }

            return options;
        }

        private static BitsHooks SpeakForItself() => new BitsHooks
        {
            OnRequest = (upload, verdict) => Tell("request", 0, upload, verdict),
            OnCreate = (upload, verdict) => Tell("create", 0, upload, verdict),
            OnReceived = Received,
            OnProgress = upload => Tell("progress", upload.Received, upload, null),
            OnEnd = (upload, reason) => Tell("ended", (long)reason, upload, null),
            OnException = Fail,
        };

        private static void Fail(Exception exception)
        {
            Console.Error.WriteLine(exception);
            Environment.Exit(1);
        }

        /// <summary>Where the store has no files, the test looks at a copy of what it reads.</summary>
        private static void Received(BitsUpload upload, BitsVerdict verdict)
        {
            if (upload.DataPath != null)
            {
                Tell("received", upload.Total ?? 0, upload, verdict);
                return;
            }

            string copy = Path.GetTempFileName();
            try
            {
                Copy(upload, copy);
                Tell("received", upload.Total ?? 0, upload, verdict, copy);
            }
            finally
            {
                File.Delete(copy);
            }
        }

        private static void Copy(BitsUpload upload, string path)
        {
            using FileStream file = File.Create(path);
            var piece = new byte[65_536];
            for (int read = upload.Read(0, piece); read > 0; read = upload.Read(file.Length, piece))
            {
                file.Write(piece, 0, read);
            }
        }

        private static void SetHostId(BitsEngineOptions options, string value)
        {
            string[] words = value.Split(' ');
            options.HostId = words[0];
            options.HostIdFallbackTimeout = TimeSpan.FromSeconds(words.Length > 1 ? Number(words[1]) : 0);
        }

        /// <summary>Says what happens and does as it is told.</summary>
        private static void Tell(string what, long value, BitsUpload upload, BitsVerdict? verdict, string? copy = null)
        {
            lock (OneAtATime)
            {
                Console.WriteLine($"{what}\t{value}\t{upload.Url}\t{upload.DataPath ?? copy}\t{upload.ReplyPath}");
                var words = new Queue<string>(Told.Take().Split(' ', StringSplitOptions.RemoveEmptyEntries));
                while (verdict != null && words.TryDequeue(out string? word))
                {
                    Obey(word, words, upload, verdict);
                }

                Obeyed.Release();
            }
        }

        private static void Obey(string word, Queue<string> rest, BitsUpload upload, BitsVerdict verdict)
        {
            switch (word)
            {
                case "accept":
                    break;
                case "reject":
                    verdict.Reject((int)Number(rest.Dequeue()), (uint)Number(rest.Dequeue()), (BitsErrorContext)Number(rest.Dequeue()));
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
                    verdict.SetReply(Bytes((int)Number(rest.Dequeue())));
                    break;
                case "reply-file":
                    verdict.SetReplyPath(upload.ReplyPath!);
                    break;
                default:
                    throw new InvalidDataException(word);
            }
        }

        /// <summary>The next line; null where stdin has ended.</summary>
        private static string? Line()
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

        /// <summary>What follows a line.</summary>
        private static byte[] Bytes(int length)
        {
            var bytes = new byte[length];
            for (int held = 0, more; held < length; held += more)
            {
                more = Input.Read(bytes, held, length - held);
                if (more == 0)
                {
                    throw new EndOfStreamException();
                }
            }

            return bytes;
        }

        private static long Number(string text) => text.StartsWith("0x", StringComparison.Ordinal)
            ? long.Parse(text.Substring(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(text, CultureInfo.InvariantCulture);
    }
}
