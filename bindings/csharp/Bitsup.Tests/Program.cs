using System.Linq;

namespace Bitsup.Tests
{
    /// <summary>
    /// Runs all tests, or those whose names contain one of the arguments. With "child" as first argument it is a separate
    /// process that a test has started; see <see cref="Child"/>.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] arguments) =>
            arguments.FirstOrDefault() == "child" ? Child.Run(arguments.Skip(1).ToArray()) : Runner.Run(arguments);
    }
}
