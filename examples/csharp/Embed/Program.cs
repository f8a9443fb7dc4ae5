using System;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// embed ROOT [PORT]: receives uploads into the folder ROOT on 127.0.0.1 with Kestrel, the HTTP server of ASP.NET Core.
    /// Prints "listening on URL". Exit code 0 after SIGINT or SIGTERM, 1 after an error, 2 for invalid arguments.
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
            catch (BitsException exception)
            {
                Console.Error.WriteLine($"embed: {exception.Message} ({exception.StatusName})");
                return 1;
            }
        }
    }
}
