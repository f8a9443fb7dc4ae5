using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Bitsup.Tests
{
    /// <summary>How the native library is located, and the errors if it cannot be used.</summary>
    internal static class LibraryTests
    {
        /// <summary>Behaviours that are tested outside this program, and how to run those tests.</summary>
        private static readonly Dictionary<string, string> TestedElsewhere = new Dictionary<string, string>
        {
            ["B-EMBED-01"] = "cargo test --test abi embed::kestrel",
            ["B-STORE-01"] = "cargo test --test abi embed::kestrel::own_store",
        };

        [Test]
        public static void The_version_matches_the_header()
        {
            string expected = $"{Native.BITSUP_VERSION_MAJOR}.{Native.BITSUP_VERSION_MINOR}.{Native.BITSUP_VERSION_PATCH}";
            Check.Equal(expected, BitsLibrary.Version);
        }

        [Test]
        public static void A_missing_library_is_named_in_the_error()
        {
            string output = Load("/nowhere/libbitsup.so", exitCode: 3);
            Check.That(output.Contains("BITSUP_LIBRARY") && output.Contains("/nowhere/libbitsup.so"), output);
        }

        [Test]
        public static void A_library_other_than_bitsup_is_rejected()
        {
            string output = Load("libc.so.6", exitCode: 3);
            Check.That(output.Contains("libc.so.6 is not the native bitsup library"), output);
        }

        [Test]
        public static void An_incompatible_version_is_rejected()
        {
            using var fixture = new Fixture(length: 0);
            string source = fixture.In("old.c");
            File.WriteAllText(source, "unsigned bitsup_abi_version(void){return 0;}\nunsigned bitsup_version_number(void){return 0x00020300;}\n");
            using (Process compiler = Process.Start("cc", $"-shared -fPIC -o {fixture.In("old.so")} {source}"))
            {
                compiler.WaitForExit();
                Check.Equal(0, compiler.ExitCode);
            }

            string output = Load(fixture.In("old.so"), exitCode: 3);
            Check.That(output.Contains("is bitsup 0.2.3 with ABI 0; this assembly requires 0.1.0 with ABI 0"), output);
        }

        [Test]
        public static void BITSUP_LIBRARY_selects_the_library()
        {
            string loaded = File.ReadLines("/proc/self/maps").First(line => line.Contains("libbitsup.so")).Split(' ').Last();
            Check.Equal(BitsLibrary.Version, Load(loaded, exitCode: 0).Trim());
        }

        [Test]
        public static void Tests_cover_exactly_the_described_behaviours()
        {
            string list = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "behaviour.md"));
            IEnumerable<string> described = Regex.Matches(list, @"^\| (B-[A-Z]+-\d+) \|", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
            IEnumerable<string> shown = typeof(LibraryTests).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public))
                .SelectMany(method => method.GetCustomAttribute<TestAttribute>()?.Behaviours ?? new string[0])
                .Concat(TestedElsewhere.Keys);
            Check.That(described.Count() > 30, "the list of behaviours was read");
            Check.Equal("", string.Join(" ", described.Except(shown)));
            TestedElsewhere.ToList().ForEach(one => System.Console.WriteLine($"       {one.Key}: {one.Value}"));
            Check.Equal("", string.Join(" ", shown.Except(described)));
        }

        private static string Load(string library, int exitCode)
        {
            using Process child = Child.Start(new Dictionary<string, string> { ["BITSUP_LIBRARY"] = library }, "load");
            string output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Check.Equal(exitCode, child.ExitCode);
            return output;
        }
    }

    internal static class Checkout
    {
        /// <summary>The root folder of the checkout.</summary>
        public static string Root { get; } = Find(typeof(Checkout).Assembly.Location);

        private static string Find(string path) =>
            File.Exists(Path.Combine(path, "include", "bitsup.h")) ? path : Find(Path.GetDirectoryName(path)!);
    }
}
