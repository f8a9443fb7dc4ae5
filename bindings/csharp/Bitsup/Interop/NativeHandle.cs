using System;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>
    /// An object of the C library. A call that is handed one keeps it alive until the call returns, so a finalizer
    /// never frees what is in use; the C library counts references by itself, so the order does not matter.
    /// </summary>
    internal abstract class NativeHandle : SafeHandle
    {
        protected NativeHandle() : base(IntPtr.Zero, ownsHandle: true)
        {
        }

        public override bool IsInvalid => handle == IntPtr.Zero;
    }
}
