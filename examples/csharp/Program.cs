using System;
using System.Linq;
using System.Threading.Tasks;
using Bitsup.Examples;

// dotnet run -- EXAMPLE ARGUMENT...: each example is in its own file in this folder.
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        string[] rest = arguments.Skip(1).ToArray();
        switch (arguments.FirstOrDefault(), rest.Length)
        {
            case ("upload", 2):
                return await Upload.Run(rest[0], rest[1]);
            case ("resume", 3):
                return await Resume.Run(rest[0], rest[1], rest[2]);
            case ("serve", 1):
                return Serve.Run(rest[0]);
            case ("reply", 1):
                return Reply.Run(rest[0]);
            default:
                Console.Error.WriteLine("usage: upload FILE URL | resume FILE URL STATE | serve ROOT | reply ROOT");
                return 2;
        }
    }
}
