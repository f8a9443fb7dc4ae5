using System;

namespace Bitsup
{
    /// <summary>Sets one value of a configuration, unless it is null, which means the default.</summary>
    internal static class Setting
    {
        public delegate int Of<in TConfig, in TValue>(TConfig config, TValue value, out IntPtr error);

        public static void Count<T>(T config, long? value, Of<T, ulong> set, string name)
        {
            if (value is { } count)
            {
                Call.Check(set(config, Call.Count(count, name), out IntPtr error), error);
            }
        }

        public static void Count<T>(T config, int? value, Of<T, uint> set, string name)
        {
            if (value is { } count)
            {
                Call.Check(set(config, (uint)Call.Count(count, name), out IntPtr error), error);
            }
        }

        public static void Time<T>(T config, TimeSpan? value, Of<T, ulong> set, string name)
        {
            if (value is { } time)
            {
                Call.Check(set(config, Call.Milliseconds(time, name), out IntPtr error), error);
            }
        }

        public static void Text<T>(T config, string? value, Of<T, byte[]?> set, string name)
        {
            if (value is { } text)
            {
                Call.Check(set(config, Call.Text(text, name), out IntPtr error), error);
            }
        }

        public static void Flag<T>(T config, bool? value, Of<T, int> set)
        {
            if (value is { } flag)
            {
                Call.Check(set(config, flag ? 1 : 0, out IntPtr error), error);
            }
        }

        public static void Choice<T>(T config, int? value, Of<T, int> set)
        {
            if (value is { } choice)
            {
                Call.Check(set(config, choice, out IntPtr error), error);
            }
        }
    }
}
