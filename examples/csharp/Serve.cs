using System;
using System.IO;

namespace Bitsup.Examples
{
    /// <summary>
    /// serve ROOT: receives uploads into the folder ROOT until the end of standard input. Prints the URL, then a line for each
    /// session that ends. Rejects names that contain a folder.
    /// </summary>
    internal static class Serve
    {
        public static int Run(string root)
        {
            Directory.CreateDirectory(root);
            using BitsServer server = BitsServer.Start(new BitsServerOptions
            {
                Root = root,
                AllowOverwrite = true,
                Hooks = new BitsHooks
                {
                    OnCreate = (upload, verdict) =>
                    {
                        if (upload.Target.LastIndexOf('/') > 0)
                        {
                            verdict.Reject(403);
                        }
                    },
                    OnEnd = (upload, reason) => Console.WriteLine($"{reason} {upload.Target} {upload.Received}"),
                    OnException = exception => Console.Error.WriteLine(exception),
                },
            });
            Console.WriteLine(server.Url);
            while (Console.ReadLine() != null)
            {
            }

            server.Stop(grace: TimeSpan.FromSeconds(5));
            return 0;
        }
    }
}
