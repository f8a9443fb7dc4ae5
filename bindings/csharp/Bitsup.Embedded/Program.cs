using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Bitsup.Examples;

namespace Bitsup.Embedded
{
    /// <summary>
    /// Bitsup.Embedded ROOT [app] [SETTING VALUE]...: examples/csharp/Embed with an engine that a test configures, and with an
    /// application that the test speaks for. Each hook says a line on stdout, waits for one on stdin, and does what its words
    /// say; tests/support/embedded.rs is the other side. Runs until it is killed.
    /// </summary>
    internal static class Program
    {
        private static readonly object OneAtATime = new object();
        private static readonly Stream Input = Console.OpenStandardInput();

        private static readonly Dictionary<string, Action<BitsEngineOptions, string>> Settings =
            new Dictionary<string, Action<BitsEngineOptions, string>>
            {
                ["max-upload-size"] = (options, value) => options.MaxUploadSize = Number(value),
                ["max-fragment-size"] = (options, value) => options.MaxFragmentSize = Number(value),
                ["max-sessions"] = (options, value) => options.MaxSessions = Number(value),
                ["max-sessions-per-user"] = (options, value) => options.MaxSessionsPerOwner = Number(value),
                ["allow-overwrites"] = (options, value) => options.AllowOverwrite = true,
                ["overlap"] = (options, value) => options.Overlap = Overlap.Reject,
                ["finalize"] = (options, value) => options.FinalizeOn = FinalizeOn.Close,
                ["method-override"] = (options, value) => options.MethodOverride = true,
                ["public-url"] = (options, value) => options.PublicUrl = value,
                ["host-id"] = SetHostId,
            };

        private static Task Main(string[] arguments)
        {
            var options = new BitsEngineOptions { Store = BitsStore.OpenDirectory(arguments[0], Durability.None) };
            string[] rest = arguments.Skip(1).ToArray();
            if (rest.FirstOrDefault() == "app")
            {
                options.Hooks = SpeakForItself();
                rest = rest.Skip(1).ToArray();
            }

            for (int at = 0; at + 1 < rest.Length; at += 2)
            {
                Settings[rest[at]](options, rest[at + 1]);
            }

            return KestrelHost.Run(new BitsEngine(options), 0);
        }

        private static BitsHooks SpeakForItself() => new BitsHooks
        {
            OnRequest = (upload, verdict) => Tell("request", 0, upload, verdict),
            OnCreate = (upload, verdict) => Tell("create", 0, upload, verdict),
            OnReceived = (upload, verdict) => Tell("received", upload.Total ?? 0, upload, verdict),
            OnProgress = upload => Tell("progress", upload.Received, upload, null),
            OnEnd = (upload, reason) => Tell("ended", (long)reason, upload, null),
            OnException = exception =>
            {
                Console.Error.WriteLine(exception);
                Environment.Exit(1);
            },
        };

        private static void SetHostId(BitsEngineOptions options, string value)
        {
            string[] words = value.Split(' ');
            options.HostId = words[0];
            options.HostIdFallbackTimeout = TimeSpan.FromSeconds(words.Length > 1 ? Number(words[1]) : 0);
        }

        /// <summary>Says what happens and does as it is told.</summary>
        private static void Tell(string what, long value, BitsUpload upload, BitsVerdict? verdict)
        {
            lock (OneAtATime)
            {
                Console.WriteLine($"{what}\t{value}\t{upload.Url}\t{upload.DataPath}\t{upload.ReplyPath}");
                var words = new Queue<string>(Line().Split(' ', StringSplitOptions.RemoveEmptyEntries));
                while (verdict != null && words.TryDequeue(out string? word))
                {
                    Obey(word, words, upload, verdict);
                }
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

        private static string Line()
        {
            var line = new StringBuilder();
            for (int next = Byte(); next != '\n'; next = Byte())
            {
                line.Append((char)next);
            }

            return line.ToString();
        }

        /// <summary>What follows a line.</summary>
        private static byte[] Bytes(int length)
        {
            var bytes = new byte[length];
            for (int at = 0; at < length; at++)
            {
                bytes[at] = (byte)Byte();
            }

            return bytes;
        }

        private static int Byte()
        {
            int next = Input.ReadByte();
            return next >= 0 ? next : throw new EndOfStreamException();
        }

        private static long Number(string text) => text.StartsWith("0x", StringComparison.Ordinal)
            ? long.Parse(text.Substring(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(text, CultureInfo.InvariantCulture);
    }
}
