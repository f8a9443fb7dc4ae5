using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

namespace Bitsup.Tests
{
    /// <summary>Follows the installation steps of the README, up to a new project that uploads a file.</summary>
    internal static class PackageTests
    {
        private static readonly string Readme = File.ReadAllText(Path.Combine(Checkout.Root, "bindings", "csharp", "README.md"));

        private static readonly string Framework = Environment.Version.Major == 3 ? "netcoreapp3.1" : $"net{Environment.Version.Major}.0";

        [Test]
        public static void A_project_with_the_package_uploads_a_file()
        {
            using var fixture = new Fixture();
            fixture.Serve();
            string project = fixture.In("project");
            Directory.CreateDirectory(project);
            File.WriteAllText(Path.Combine(project, "Fresh.csproj"), Project());
            File.WriteAllText(Path.Combine(project, "Program.cs"), Program());
            File.WriteAllText(Path.Combine(project, "NuGet.config"), Configuration());
            var environment = new Dictionary<string, string> { ["NUGET_PACKAGES"] = fixture.In("packages"), ["BITSUP_LIBRARY"] = "" };
            string[] installation = Blocks("sh").Take(2).ToArray();
            // The release library was built before these tests; skip the cargo step.
            string pack = Regex.Replace(installation[0], "^cargo .*\n", "");
            Shell(environment, Checkout.Root, pack);
            Shell(environment, project, installation[1] + "dotnet build --nologo --verbosity quiet --output built\n");
            Shell(environment, project, $"dotnet built/Fresh.dll '{fixture.Source}' '{fixture.Url()}'");
            Check.Same(fixture.Content, fixture.Received());
        }

        [Test]
        public static void A_dotnet_on_PATH_is_preferred_if_it_has_an_SDK()
        {
            using var fixture = new Fixture(length: 0);
            foreach ((string sdks, bool used) in new[] { ("echo 9.0.100", true), ("true", false) })
            {
                string script = $"#!/bin/sh\n[ \"$1\" = --list-sdks ] && {{ {sdks}; exit; }}\necho \"fake $*\"\n";
                File.WriteAllText(fixture.In("dotnet"), script);
                var path = new Dictionary<string, string> { ["PATH"] = $"{fixture.In("")}:{Environment.GetEnvironmentVariable("PATH")}" };
                string output = Shell(path, fixture.In(""), $"chmod +x dotnet; '{Checkout.Root}/tools/dotnet' --version\n");
                Check.Equal(used, output.Trim() == "fake --version");
            }
        }

        private static string[] Blocks(string language) =>
            Regex.Matches(Readme, $"^```{language}\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
                .Select(match => match.Groups[1].Value)
                .ToArray();

        private static string Project() =>
            "<Project Sdk='Microsoft.NET.Sdk'><PropertyGroup><OutputType>Exe</OutputType><UseAppHost>false</UseAppHost>"
            + $"<TargetFramework>{Framework}</TargetFramework></PropertyGroup></Project>";

        /// <summary>The README's first upload, followed by a check of which library was loaded.</summary>
        private static string Program() =>
            "using System.IO; using System.Linq; using Bitsup;\nstatic class Program { static int Main(string[] a) { var (path, url) = (a[0], a[1]);\n"
            + Blocks("csharp")[0]
            + "return File.ReadLines(\"/proc/self/maps\").Any(l => l.Contains(\"/built/runtimes/\") && l.EndsWith(\"/libbitsup.so\")) ? 0 : 9; } }";

        /// <summary>Clears the other package sources, which may be unreachable and are not needed.</summary>
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
            string output = shell.StandardOutput.ReadToEnd();
            shell.WaitForExit();
            Check.That(shell.ExitCode == 0, $"{commands} succeeds: {output}");
            return output;
        }
    }
}
