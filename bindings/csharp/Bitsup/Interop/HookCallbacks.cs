using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Bitsup
{
    /// <summary>
    /// Forwards the hooks of the C library to delegates, and keeps the delegates alive as long as they can be called.
    /// </summary>
    internal sealed class HookCallbacks
    {
        private static readonly Native.bitsup_hooks_decide_fn OnRequest = (userData, upload, verdict) =>
            Get(userData).Decide(upload, verdict, hooks => hooks.OnRequest!);

        private static readonly Native.bitsup_hooks_decide_fn OnCreate = (userData, upload, verdict) =>
            Get(userData).Decide(upload, verdict, hooks => hooks.OnCreate!);

        private static readonly Native.bitsup_hooks_decide_fn OnReceived = (userData, upload, verdict) =>
            Get(userData).Decide(upload, verdict, hooks => hooks.OnReceived!);

        private static readonly Native.bitsup_hooks_progress_fn OnProgress = (userData, upload) =>
            Get(userData).Guard(upload, IntPtr.Zero, (hooks, scope) => hooks.OnProgress!(new BitsUpload(scope)));

        private static readonly Native.bitsup_hooks_end_fn OnEnd = (userData, upload, reason) =>
            Get(userData).Guard(upload, IntPtr.Zero, (hooks, scope) => hooks.OnEnd!(new BitsUpload(scope), (SessionEndReason)reason));

        private readonly BitsHooks hooks;
        private ExceptionDispatchInfo? pending;

        public HookCallbacks(BitsHooks hooks) => this.hooks = hooks.Copy();

        /// <summary>Whether a call may run hooks, which may block for minutes.</summary>
        public bool MayBlock =>
            this.hooks.OnRequest != null || this.hooks.OnCreate != null || this.hooks.OnReceived != null
            || this.hooks.OnProgress != null || this.hooks.OnEnd != null || this.hooks.Notify != null;

        /// <summary>Creates a native set of the configured hooks. It owns one reference to this object.</summary>
        public HooksHandle NewHooks()
        {
            HooksHandle set = Call.NonNull(Native.bitsup_hooks_new(UserData.Alloc(this), UserData.Destroy));
            if (this.hooks.Notify is { } notify)
            {
                // First, because they apply to later calls only.
                notify.AddRoots(set);
                int status = Native.bitsup_hooks_set_notify_url(
                    set,
                    (int)notify.Kind,
                    Call.Text(notify.Url, nameof(notify.Url)),
                    Call.MillisecondsOrInfinite(notify.Timeout, nameof(notify.Timeout)),
                    out IntPtr failure);
                Call.Check(status, failure);
            }

            Set(set, this.hooks.OnRequest, OnRequest, Native.bitsup_hooks_on_request);
            Set(set, this.hooks.OnCreate, OnCreate, Native.bitsup_hooks_on_create);
            Set(set, this.hooks.OnReceived, OnReceived, Native.bitsup_hooks_on_received);
            Set(set, this.hooks.OnProgress, OnProgress, Native.bitsup_hooks_on_progress);
            Set(set, this.hooks.OnEnd, OnEnd, Native.bitsup_hooks_on_end);
            return set;
        }

        /// <summary>Throws the first exception that was not handled, once.</summary>
        public void ThrowPending() => Interlocked.Exchange(ref this.pending, null)?.Throw();

        private static HookCallbacks Get(IntPtr userData) => UserData.Get<HookCallbacks>(userData);

        private static void Set<T>(HooksHandle set, Delegate? hook, T callback, Setting.Setter<HooksHandle, T> setter)
        {
            if (hook != null)
            {
                Call.Check(setter(set, callback, out IntPtr error), error);
            }
        }

        private int Decide(IntPtr upload, IntPtr verdict, Func<BitsHooks, Action<BitsUpload, BitsVerdict>> hook) =>
            Guard(upload, verdict, (hooks, scope) => hook(hooks)(new BitsUpload(scope), new BitsVerdict(scope)))
                ? Native.BITSUP_CONTINUE
                : Native.BITSUP_ABORT;

        private bool Guard(IntPtr upload, IntPtr verdict, Action<BitsHooks, CallbackScope> hook)
        {
            using var scope = new CallbackScope(upload, verdict);
            if (CallFrame.IsInside)
            {
                return CallFrame.Guard(() => hook(this.hooks, scope));
            }

            try
            {
                hook(this.hooks, scope);
                return true;
            }
            catch (Exception exception)
            {
                Report(exception);
                return false;
            }
        }

        /// <summary>Reports an exception on a thread of a server, where no managed call can throw it.</summary>
        private void Report(Exception exception)
        {
            try
            {
                if (this.hooks.OnException is { } handler)
                {
                    handler(exception);
                    return;
                }
            }
            catch (Exception thrown)
            {
                exception = thrown;
            }

            Interlocked.CompareExchange(ref this.pending, ExceptionDispatchInfo.Capture(exception), null);
        }
    }
}
