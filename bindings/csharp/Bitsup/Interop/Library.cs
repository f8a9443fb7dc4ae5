using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Bitsup
{
    internal static partial class Native
    {
        /// <summary>The library name of all imports, which <see cref="LibraryResolver"/> maps to a file.</summary>
        private const string Library = "bitsup";

        static Native() => LibraryResolver.Install(typeof(Native).Assembly);
    }

    /// <summary>
    /// Locates the native library when one of its functions is first called. netstandard2.1 does not declare NativeLibrary, but
    /// every .NET since Core 3.0 has it, so it is called by reflection. Other runtimes use their own search rules.
    /// </summary>
    internal static class LibraryResolver
    {
        private delegate bool TryLoadByName(string name, Assembly assembly, DllImportSearchPath? path, out IntPtr library);

        private delegate bool TryLoadFile(string path, out IntPtr library);

        private delegate bool TryGetExport(IntPtr library, string name, out IntPtr address);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate uint Number();

        private static TryLoadByName? loadByName;
        private static TryLoadFile? loadFile;
        private static TryGetExport? getExport;

        public static void Install(Assembly assembly)
        {
            Type? facility = typeof(DllImportAttribute).Assembly.GetType("System.Runtime.InteropServices.NativeLibrary");
            MethodInfo? install = facility?.GetMethod("SetDllImportResolver");
            if (facility is null || install is null)
            {
                return;
            }

            loadByName = Bound<TryLoadByName>(facility, "TryLoad");
            loadFile = Bound<TryLoadFile>(facility, "TryLoad");
            getExport = Bound<TryGetExport>(facility, "TryGetExport");
            Type resolver = install.GetParameters()[1].ParameterType;
            MethodInfo resolve = typeof(LibraryResolver).GetMethod(nameof(Resolve), BindingFlags.NonPublic | BindingFlags.Static)!;
            install.Invoke(null, new object[] { assembly, Delegate.CreateDelegate(resolver, resolve) });
        }

        private static T Bound<T>(Type facility, string method) where T : Delegate
        {
            ParameterInfo[] parameters = typeof(T).GetMethod("Invoke")!.GetParameters();
            MethodInfo found = facility.GetMethod(method, Array.ConvertAll(parameters, one => one.ParameterType))!;
            return (T)Delegate.CreateDelegate(typeof(T), found);
        }

        /// <summary>
        /// Searches, in this order: only the file named by BITSUP_LIBRARY, if it is set; the directory of this assembly and its
        /// NuGet package; the build output of the checkout that contains this assembly; the system's library path.
        /// </summary>
        private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
        {
            var tried = new List<string>();
            string chosen = Environment.GetEnvironmentVariable("BITSUP_LIBRARY") ?? "";
            if (chosen.Length > 0)
            {
                return Load(chosen, tried) ?? throw NotFound(tried, "cannot load the library named by BITSUP_LIBRARY");
            }

            tried.Add($"{name} next to {assembly.Location} and in its package");
            if (loadByName!(name, assembly, DllImportSearchPath.AssemblyDirectory, out IntPtr library))
            {
                return Checked(library, $"{name} next to {assembly.Location}");
            }

            foreach (string file in FilesOfCheckout(assembly.Location))
            {
                if (File.Exists(file) && Load(file, tried) is IntPtr built)
                {
                    return built;
                }
            }

            return Load(SystemName, tried)
                ?? throw NotFound(tried, "the native bitsup library was not found; install it, or set BITSUP_LIBRARY to its path");
        }

        private static string SystemName =>
            RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "bitsup.dll"
            : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? $"libbitsup.{Native.BITSUP_ABI_VERSION}.dylib"
            : $"libbitsup.so.{Native.BITSUP_ABI_VERSION}";

        /// <summary>The build output of cargo, release builds first.</summary>
        private static IEnumerable<string> FilesOfCheckout(string assembly)
        {
            string file = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "bitsup.dll"
                : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? "libbitsup.dylib" : "libbitsup.so";
            for (string? folder = Path.GetDirectoryName(assembly); !string.IsNullOrEmpty(folder); folder = Path.GetDirectoryName(folder))
            {
                if (File.Exists(Path.Combine(folder, "include", "bitsup.h")))
                {
                    yield return Path.Combine(folder, "target", "release", file);
                    yield return Path.Combine(folder, "target", "debug", file);
                }
            }
        }

        private static IntPtr? Load(string file, List<string> tried)
        {
            tried.Add(file);
            return loadFile!(file, out IntPtr library) ? Checked(library, file) : (IntPtr?)null;
        }

        /// <summary>Checks the version. ABI 0 makes no compatibility promise, so the minor version must match, too.</summary>
        private static IntPtr Checked(IntPtr library, string file)
        {
            if (!getExport!(library, "bitsup_abi_version", out IntPtr abi)
                || !getExport(library, "bitsup_version_number", out IntPtr version))
            {
                throw new DllNotFoundException($"{file} is not the native bitsup library");
            }

            uint foundAbi = Marshal.GetDelegateForFunctionPointer<Number>(abi)();
            uint found = Marshal.GetDelegateForFunctionPointer<Number>(version)();
            const uint Wanted = Native.BITSUP_VERSION_NUMBER;
            bool same = foundAbi == Native.BITSUP_ABI_VERSION
                && (foundAbi == 0 ? found >> 16 == Wanted >> 16 : found >= Wanted);
            return same ? library : throw new DllNotFoundException(
                $"{file} is bitsup {Text(found)} with ABI {foundAbi}; this assembly requires {Text(Wanted)} with ABI {Native.BITSUP_ABI_VERSION}");
        }

        private static string Text(uint version) => $"{version >> 24}.{(version >> 16) & 255}.{(version >> 8) & 255}";

        private static DllNotFoundException NotFound(List<string> tried, string what) =>
            new DllNotFoundException($"{what}. Searched: {string.Join("; ", tried)}");
    }
}
