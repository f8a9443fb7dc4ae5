using System;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>
    /// An object of the C library. A call that is passed a handle keeps it alive until it returns, so a finalizer never frees
    /// an object in use. The C library counts references, so the order of disposal does not matter.
    /// </summary>
    internal abstract class NativeHandle : SafeHandle
    {
        protected NativeHandle() : base(IntPtr.Zero, ownsHandle: true)
        {
        }

        public override bool IsInvalid => handle == IntPtr.Zero;
    }
}
