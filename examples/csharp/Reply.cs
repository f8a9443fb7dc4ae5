using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Bitsup.Examples
{
    /// <summary>
    /// reply ROOT: as serve, but every upload is answered with its SHA-256 sum, which a client that asks for a reply gets; the
    /// file itself is dropped.
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
                    verdict.SetReply(Encoding.ASCII.GetBytes($"{Sum(upload.DataPath!)}  {upload.ContentName}\n"));
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

        private static string Sum(string path)
        {
            using FileStream file = File.OpenRead(path);
            using SHA256 sum = SHA256.Create();
            return BitConverter.ToString(sum.ComputeHash(file)).Replace("-", "").ToLowerInvariant();
        }
    }
}
