using System;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// embed ROOT [PORT]: receives uploads into the folder ROOT on 127.0.0.1, inside Kestrel, ASP.NET Core's HTTP server. The
    /// first line on stdout is "listening on URL". Stops on SIGINT and SIGTERM with exit code 0; 1 for an error, 2 for wrong
    /// usage.
    /// </summary>
    internal static class Program
    {
        private static async Task<int> Main(string[] arguments)
        {
            ushort port = 0;
            if (arguments.Length < 1 || arguments.Length > 2 || (arguments.Length == 2 && !ushort.TryParse(arguments[1], out port)))
            {
                Console.Error.WriteLine("usage: embed ROOT [PORT]");
                return 2;
            }

            try
            {
                using var engine = new BitsEngine(new BitsEngineOptions { Root = arguments[0] });
                await KestrelHost.Run(engine, port);
                return 0;
            }
            catch (BitsException failure)
            {
                Console.Error.WriteLine($"embed: {failure.Message} ({failure.StatusName})");
                return 1;
            }
        }
    }
}
