using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Bitsup.Tests
{
    /// <summary>Where the shared library is found, and what is said when it is not.</summary>
    internal static class LibraryTests
    {
        /// <summary>Entries that no test of this program shows, and why.</summary>
        private static readonly Dictionary<string, string> ShownElsewhere = new Dictionary<string, string>
        {
            ["B-EMBED-01"] = "cargo test --test abi embed::kestrel",
            ["B-STORE-01"] = "cargo test --test abi embed::kestrel::own_store",
        };

        [Test]
        public static void The_version_is_that_of_the_header()
        {
            string expected = $"{Native.BITSUP_VERSION_MAJOR}.{Native.BITSUP_VERSION_MINOR}.{Native.BITSUP_VERSION_PATCH}";
            Check.Equal(expected, BitsLibrary.Version);
        }

        [Test]
        public static void A_library_that_is_not_there_is_missed_by_its_name()
        {
            string said = Load("/nowhere/libbitsup.so", exitCode: 3);
            Check.That(said.Contains("BITSUP_LIBRARY") && said.Contains("/nowhere/libbitsup.so"), said);
        }

        [Test]
        public static void Another_library_is_not_taken_for_it()
        {
            string said = Load("libc.so.6", exitCode: 3);
            Check.That(said.Contains("libc.so.6 is not the shared library of bitsup"), said);
        }

        [Test]
        public static void Another_version_of_it_is_refused()
        {
            using var bench = new Bench(length: 0);
            string source = bench.In("old.c");
            File.WriteAllText(source, "unsigned bitsup_abi_version(void){return 0;}\nunsigned bitsup_version_number(void){return 0x00020300;}\n");
            using (Process compiler = Process.Start("cc", $"-shared -fPIC -o {bench.In("old.so")} {source}"))
            {
                compiler.WaitForExit();
                Check.Equal(0, compiler.ExitCode);
            }

            string said = Load(bench.In("old.so"), exitCode: 3);
            Check.That(said.Contains("is bitsup 0.2.3 with ABI 0; this assembly needs 0.1.0 with ABI 0"), said);
        }

        [Test]
        public static void A_library_that_is_named_is_loaded()
        {
            string loaded = File.ReadLines("/proc/self/maps").First(line => line.Contains("libbitsup.so")).Split(' ').Last();
            Check.Equal(BitsLibrary.Version, Load(loaded, exitCode: 0).Trim());
        }

        [Test]
        public static void Every_behaviour_is_shown_and_none_that_is_not_described()
        {
            string list = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "behaviour.md"));
            IEnumerable<string> described = Regex.Matches(list, @"^\| (B-[A-Z]+-\d+) \|", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
            IEnumerable<string> shown = typeof(LibraryTests).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public))
                .SelectMany(method => method.GetCustomAttribute<TestAttribute>()?.Behaviours ?? new string[0])
                .Concat(ShownElsewhere.Keys);
            Check.That(described.Count() > 30, "the list is read");
            Check.Equal("", string.Join(" ", described.Except(shown)));
            ShownElsewhere.ToList().ForEach(one => System.Console.WriteLine($"       {one.Key}: {one.Value}"));
            Check.Equal("", string.Join(" ", shown.Except(described)));
        }

        private static string Load(string library, int exitCode)
        {
            using Process child = Child.Start(new Dictionary<string, string> { ["BITSUP_LIBRARY"] = library }, "load");
            string said = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Check.Equal(exitCode, child.ExitCode);
            return said;
        }
    }

    internal static class Checkout
    {
        /// <summary>The folder of the project.</summary>
        public static string Root { get; } = Find(typeof(Checkout).Assembly.Location);

        private static string Find(string path) =>
            File.Exists(Path.Combine(path, "include", "bitsup.h")) ? path : Find(Path.GetDirectoryName(path)!);
    }
}
