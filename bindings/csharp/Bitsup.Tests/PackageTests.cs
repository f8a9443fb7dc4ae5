using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

namespace Bitsup.Tests
{
    /// <summary>The README's installation, done as it says, up to a fresh project that uploads a file.</summary>
    internal static class PackageTests
    {
        private static readonly string Readme = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "README.md"));

        private static readonly string Framework = Environment.Version.Major == 3 ? "netcoreapp3.1" : $"net{Environment.Version.Major}.0";

        [Test]
        public static void A_project_with_the_package_uploads_a_file()
        {
            using var bench = new Bench();
            bench.Serve();
            string project = bench.In("project");
            Directory.CreateDirectory(project);
            File.WriteAllText(Path.Combine(project, "Fresh.csproj"), Project());
            File.WriteAllText(Path.Combine(project, "Program.cs"), Program());
            File.WriteAllText(Path.Combine(project, "NuGet.config"), Configuration());
            var own = new Dictionary<string, string> { ["NUGET_PACKAGES"] = bench.In("packages"), ["BITSUP_LIBRARY"] = "" };
            string[] installation = Blocks("sh").Take(2).ToArray();
            // The native library is there already: it is what makes these tests run.
            string pack = Regex.Replace(installation[0], "^cargo .*\n", "");
            Shell(own, Checkout.Root, pack);
            Shell(own, project, installation[1] + "dotnet build --nologo --verbosity quiet --output built\n");
            Shell(own, project, $"dotnet built/Fresh.dll '{bench.Source}' '{bench.Url()}'");
            Check.Same(bench.Content, bench.Received());
        }

        [Test]
        public static void A_dotnet_on_PATH_goes_before_one_that_is_fetched_unless_it_has_no_SDK()
        {
            using var bench = new Bench(length: 0);
            foreach ((string sdks, bool taken) in new[] { ("echo 9.0.100", true), ("true", false) })
            {
                string own = $"#!/bin/sh\n[ \"$1\" = --list-sdks ] && {{ {sdks}; exit; }}\necho \"own $*\"\n";
                File.WriteAllText(bench.In("dotnet"), own);
                var path = new Dictionary<string, string> { ["PATH"] = $"{bench.In("")}:{Environment.GetEnvironmentVariable("PATH")}" };
                string said = Shell(path, bench.In(""), $"chmod +x dotnet; '{Checkout.Root}/tools/dotnet' --version\n");
                Check.Equal(taken, said.Trim() == "own --version");
            }
        }

        private static string[] Blocks(string language) =>
            Regex.Matches(Readme, $"^```{language}\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
                .Select(match => match.Groups[1].Value)
                .ToArray();

        private static string Project() =>
            "<Project Sdk='Microsoft.NET.Sdk'><PropertyGroup><OutputType>Exe</OutputType><UseAppHost>false</UseAppHost>"
            + $"<TargetFramework>{Framework}</TargetFramework></PropertyGroup></Project>";

        /// <summary>The README's first upload, and a look at which library it used.</summary>
        private static string Program() =>
            "using System.IO; using System.Linq; using Bitsup;\nstatic class Program { static int Main(string[] a) { var (path, url) = (a[0], a[1]);\n"
            + Blocks("csharp")[0]
            + "return File.ReadLines(\"/proc/self/maps\").Any(l => l.Contains(\"/built/runtimes/\") && l.EndsWith(\"/libbitsup.so\")) ? 0 : 9; } }";

        /// <summary>Other sources may be out of reach, and are not needed.</summary>
        private static string Configuration() =>
            Blocks("xml").Single().Replace("/path/to/bitsup", Checkout.Root).Replace("<packageSources>", "<packageSources><clear />");

        private static string Shell(IDictionary<string, string> environment, string folder, string commands)
        {
            string dotnet = $"dotnet() {{ '{Checkout.Root}/tools/dotnet' \"$@\"; }}\n";
            var start = new ProcessStartInfo("bash")
            {
                ArgumentList = { "-euc", dotnet + commands },
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
            };
            foreach ((string name, string value) in environment)
            {
                start.Environment[name] = value;
            }

            using Process shell = Process.Start(start)!;
            string said = shell.StandardOutput.ReadToEnd();
            shell.WaitForExit();
            Check.That(shell.ExitCode == 0, $"{commands} succeeds: {said}");
            return said;
        }
    }
}
