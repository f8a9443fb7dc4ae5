using System;
using System.Runtime.ExceptionServices;

namespace Bitsup
{
    /// <summary>
    /// A call on this thread that may call back, and what a callback threw. No exception may pass the C library, so it waits
    /// here, and is thrown with its own stack by the call that it was called from: callbacks run on the thread of their
    /// call, and belong to the innermost one there.
    /// </summary>
    internal sealed class CallFrame
    {
        [ThreadStatic]
        private static CallFrame? innermost;

        private ExceptionDispatchInfo? thrown;

        /// <summary>Whether this thread is inside a call.</summary>
        public static bool IsInside => innermost != null;

        /// <summary>Makes a call, and throws what a callback threw in place of the failure that followed from it.</summary>
        public static void Call(Func<BitsException?> call)
        {
            CallFrame? outer = innermost;
            var own = new CallFrame();
            innermost = own;
            BitsException? failure;
            try
            {
                failure = call();
            }
            finally
            {
                innermost = outer;
            }

            own.thrown?.Throw();
            if (failure != null)
            {
                throw failure;
            }
        }

        /// <summary>
        /// Runs a callback, unless one of this call has thrown before; keeps what it throws. False when the call is to end.
        /// </summary>
        public static bool Guard(Action callback)
        {
            if (innermost?.thrown != null)
            {
                return false;
            }

            try
            {
                callback();
                return true;
            }
            catch (Exception exception)
            {
                Keep(exception);
                return false;
            }
        }

        /// <summary>Keeps what a callback threw for the call around it. False when there is no call.</summary>
        public static bool Keep(Exception exception)
        {
            if (innermost is { } frame)
            {
                frame.thrown ??= ExceptionDispatchInfo.Capture(exception);
            }

            return IsInside;
        }
    }
}
