using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Bitsup
{
    /// <summary>
    /// What C hands to every callback of a set: the number of a managed object that lives until the set is destroyed. C may
    /// have callbacks longer than any handle lives, so nothing else ever frees it.
    /// </summary>
    internal static class UserData
    {
        public static readonly Native.bitsup_destroy_fn Destroy = Release;

        private static int alive;

        /// <summary>How many there are: none when everything was freed.</summary>
        public static int Alive => Volatile.Read(ref alive);

        public static IntPtr Keep(object target)
        {
            Interlocked.Increment(ref alive);
            return GCHandle.ToIntPtr(GCHandle.Alloc(target));
        }

        public static T Of<T>(IntPtr userData) where T : class => (T)GCHandle.FromIntPtr(userData).Target!;

        private static void Release(IntPtr userData)
        {
            GCHandle handle = GCHandle.FromIntPtr(userData);
            (handle.Target as IDisposable)?.Dispose();
            handle.Free();
            Interlocked.Decrement(ref alive);
        }
    }
}
