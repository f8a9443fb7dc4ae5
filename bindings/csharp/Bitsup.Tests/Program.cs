using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>
    /// Without arguments runs every test; with some, those whose name contains one of them. After "child" it is another
    /// process that a test needs, see <see cref="Child"/>.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] arguments) =>
            arguments.FirstOrDefault() == "child" ? Child.Run(arguments.Skip(1).ToArray()) : Runner.Run(arguments);
    }
}
