using System;
using System.Collections.Generic;

namespace Bitsup
{
    /// <summary>Sets one value of a native configuration, unless it is null, which means the default.</summary>
    internal static class Setting
    {
        public delegate int Setter<in TConfig, in TValue>(TConfig config, TValue value, out IntPtr error);

        public delegate int SizedSetter<in TConfig>(TConfig config, byte[]? value, UIntPtr length, out IntPtr error);

        public delegate int PairSetter<in TConfig>(TConfig config, byte[]? name, byte[]? value, out IntPtr error);

        public static void Count<T>(T config, long? value, Setter<T, ulong> set, string name)
        {
            if (value is { } count)
            {
                Call.Check(set(config, Call.Count(count, name), out IntPtr error), error);
            }
        }

        public static void Count<T>(T config, int? value, Setter<T, uint> set, string name)
        {
            if (value is { } count)
            {
                Call.Check(set(config, (uint)Call.Count(count, name), out IntPtr error), error);
            }
        }

        public static void Time<T>(T config, TimeSpan? value, Setter<T, ulong> set, string name)
        {
            if (value is { } time)
            {
                Call.Check(set(config, Call.Milliseconds(time, name), out IntPtr error), error);
            }
        }

        public static void Text<T>(T config, string? value, Setter<T, byte[]?> set, string name)
        {
            if (value is { } text)
            {
                Call.Check(set(config, Call.Text(text, name), out IntPtr error), error);
            }
        }

        /// <summary>Sets text that is passed with its length.</summary>
        public static void Text<T>(T config, string? value, SizedSetter<T> set, string name)
        {
            if (value is { } text)
            {
                byte[] bytes = Call.Text(text, name);
                Call.Check(set(config, bytes, (UIntPtr)(bytes.Length - 1), out IntPtr error), error);
            }
        }

        /// <summary>Sets the content of a file.</summary>
        public static void File<T>(T config, string? path, SizedSetter<T> set)
        {
            if (path is { } file)
            {
                byte[] content = System.IO.File.ReadAllBytes(file);
                Call.Check(set(config, content, (UIntPtr)content.Length, out IntPtr error), error);
            }
        }

        /// <summary>Sets pairs of strings, such as header fields.</summary>
        public static void Pairs<T>(T config, IEnumerable<KeyValuePair<string, string>> values, PairSetter<T> set, string name)
        {
            foreach (KeyValuePair<string, string> one in values)
            {
                Call.Check(set(config, Call.Text(one.Key, name), Call.Text(one.Value, name), out IntPtr error), error);
            }
        }

        public static void Flag<T>(T config, bool? value, Setter<T, int> set)
        {
            if (value is { } flag)
            {
                Call.Check(set(config, flag ? 1 : 0, out IntPtr error), error);
            }
        }

        public static void Choice<T>(T config, int? value, Setter<T, int> set)
        {
            if (value is { } choice)
            {
                Call.Check(set(config, choice, out IntPtr error), error);
            }
        }
    }
}
