using System;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Bitsup
{
    /// <summary>
    /// The calls on one object that may call back, and what a callback threw. No exception may pass the C library, so it
    /// waits here, and is thrown with its own stack by the call that it was called from. Callbacks run on the thread of
    /// their call, so the thread tells which call that is.
    /// </summary>
    internal sealed class CallFrames
    {
        private readonly ConcurrentDictionary<int, ExceptionDispatchInfo?> kept =
            new ConcurrentDictionary<int, ExceptionDispatchInfo?>();

        /// <summary>Makes a call, and throws what a callback threw in place of the failure that followed from it.</summary>
        public void Call(Func<BitsException?> call)
        {
            int thread = Thread.CurrentThread.ManagedThreadId;
            // A call out of a callback leaves the exception to the call that the callback belongs to.
            bool outermost = this.kept.TryAdd(thread, null);
            BitsException? failure;
            ExceptionDispatchInfo? thrown = null;
            try
            {
                failure = call();
            }
            finally
            {
                if (outermost)
                {
                    this.kept.TryRemove(thread, out thrown);
                }
            }

            thrown?.Throw();
            if (failure != null)
            {
                throw failure;
            }
        }

        /// <summary>
        /// Runs a callback, unless one of this call has thrown before; keeps what it throws. False when the call is to end.
        /// </summary>
        public bool Guard(Action callback)
        {
            int thread = Thread.CurrentThread.ManagedThreadId;
            if (this.kept.TryGetValue(thread, out ExceptionDispatchInfo? thrown) && thrown != null)
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
                this.kept[thread] = ExceptionDispatchInfo.Capture(exception);
                return false;
            }
        }

        /// <summary>Whether this thread is inside a call.</summary>
        public bool IsInside => this.kept.ContainsKey(Thread.CurrentThread.ManagedThreadId);
    }
}
