using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Bitsup.Examples
{
    /// <summary>
    /// reply ROOT: receives uploads like serve, but replies to each with the SHA-256 checksum of the file and discards the
    /// file itself.
    /// </summary>
    internal static class Reply
    {
        public static int Run(string root)
        {
            Directory.CreateDirectory(root);
            var hooks = new BitsHooks
            {
                OnReceived = (upload, verdict) =>
                {
                    verdict.SetReply(Encoding.ASCII.GetBytes($"{Checksum(upload.DataPath!)}  {upload.ContentName}\n"));
                    verdict.SetKeepFile(false);
                },
            };
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Root = root, Hooks = hooks });
            Console.WriteLine(server.Url);
            while (Console.ReadLine() != null)
            {
            }

            return 0;
        }

        private static string Checksum(string path)
        {
            using FileStream file = File.OpenRead(path);
            using SHA256 hash = SHA256.Create();
            return BitConverter.ToString(hash.ComputeHash(file)).Replace("-", "").ToLowerInvariant();
        }
    }
}
