using System;
using System.Runtime.ExceptionServices;

namespace Bitsup
{
    /// <summary>
    /// A native call on this thread that may invoke callbacks, and the exception that a callback threw. Exceptions must not
    /// cross the C library, so the exception is stored here and rethrown with its stack trace when the call returns.
    /// Callbacks run on the thread of their call and belong to the innermost one there.
    /// </summary>
    internal sealed class CallFrame
    {
        [ThreadStatic]
        private static CallFrame? innermost;

        private ExceptionDispatchInfo? thrown;

        /// <summary>Whether this thread is inside a call.</summary>
        public static bool IsInside => innermost != null;

        /// <summary>Makes a call. Rethrows the exception of a callback in place of the error that resulted from it.</summary>
        public static void Call(Func<BitsException?> call)
        {
            CallFrame? outer = innermost;
            var frame = new CallFrame();
            innermost = frame;
            BitsException? failure;
            try
            {
                failure = call();
            }
            finally
            {
                innermost = outer;
            }

            frame.thrown?.Throw();
            if (failure != null)
            {
                throw failure;
            }
        }

        /// <summary>
        /// Runs a callback, unless an earlier one of this call has thrown, and stores its exception. Returns false if the
        /// call must end.
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
                Capture(exception);
                return false;
            }
        }

        /// <summary>Stores the exception of a callback for the current call. Returns false if there is none.</summary>
        public static bool Capture(Exception exception)
        {
            if (innermost is { } frame)
            {
                frame.thrown ??= ExceptionDispatchInfo.Capture(exception);
            }

            return IsInside;
        }
    }
}
