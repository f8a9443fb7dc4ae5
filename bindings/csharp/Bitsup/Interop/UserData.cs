using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Bitsup
{
    /// <summary>
    /// The user data of native callbacks: a handle to a managed object that is kept alive until the native destroy function is
    /// called. Native objects may outlive all managed handles, so it must not be freed in any other way.
    /// </summary>
    internal static class UserData
    {
        public static readonly Native.bitsup_destroy_fn Destroy = Release;

        private static int alive;

        /// <summary>The number of live handles; 0 when everything was freed.</summary>
        public static int Alive => Volatile.Read(ref alive);

        public static IntPtr Alloc(object target)
        {
            Interlocked.Increment(ref alive);
            return GCHandle.ToIntPtr(GCHandle.Alloc(target));
        }

        public static T Get<T>(IntPtr userData) where T : class => (T)GCHandle.FromIntPtr(userData).Target!;

        private static void Release(IntPtr userData)
        {
            GCHandle handle = GCHandle.FromIntPtr(userData);
            (handle.Target as IDisposable)?.Dispose();
            handle.Free();
            Interlocked.Decrement(ref alive);
        }
    }
}
