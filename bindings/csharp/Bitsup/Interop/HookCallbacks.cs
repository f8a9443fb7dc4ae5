using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Bitsup
{
    /// <summary>Takes the calls of the C library's hooks to delegates, which live as long as anything may call them.</summary>
    internal sealed class HookCallbacks
    {
        private static readonly Native.bitsup_decide_fn OnRequest = (userData, upload, verdict) =>
            Of(userData).Decide(upload, verdict, hooks => hooks.OnRequest!);

        private static readonly Native.bitsup_decide_fn OnCreate = (userData, upload, verdict) =>
            Of(userData).Decide(upload, verdict, hooks => hooks.OnCreate!);

        private static readonly Native.bitsup_decide_fn OnReceived = (userData, upload, verdict) =>
            Of(userData).Decide(upload, verdict, hooks => hooks.OnReceived!);

        private static readonly Native.bitsup_notify_fn OnProgress = (userData, upload) =>
            Of(userData).Guard(upload, IntPtr.Zero, (hooks, loan) => hooks.OnProgress!(new BitsUpload(loan)));

        private static readonly Native.bitsup_end_fn OnEnd = (userData, upload, reason) =>
            Of(userData).Guard(upload, IntPtr.Zero, (hooks, loan) => hooks.OnEnd!(new BitsUpload(loan), (SessionEnd)reason));

        private readonly BitsHooks hooks;
        private ExceptionDispatchInfo? first;

        public HookCallbacks(BitsHooks hooks) => this.hooks = hooks.Copy();

        /// <summary>Whether a call may take minutes, as applications may.</summary>
        public bool MayTakeLong =>
            this.hooks.OnRequest != null || this.hooks.OnCreate != null || this.hooks.OnReceived != null
            || this.hooks.OnProgress != null || this.hooks.OnEnd != null || this.hooks.Notify != null;

        /// <summary>A set with the hooks that there are. C owns one reference to this.</summary>
        public HooksHandle NewHooks()
        {
            HooksHandle set = Call.Made(Native.bitsup_hooks_new(UserData.Keep(this), UserData.Destroy));
            if (this.hooks.Notify is { } notify)
            {
                int status = Native.bitsup_hooks_notify_url(
                    set,
                    (int)notify.Kind,
                    Call.Text(notify.Url, nameof(notify.Url)),
                    Call.MillisecondsOrNever(notify.Timeout, nameof(notify.Timeout)),
                    out IntPtr failure);
                Call.Check(status, failure);
                notify.AddRoots(set);
            }

            Set(set, this.hooks.OnRequest, OnRequest, Native.bitsup_hooks_on_request);
            Set(set, this.hooks.OnCreate, OnCreate, Native.bitsup_hooks_on_create);
            Set(set, this.hooks.OnReceived, OnReceived, Native.bitsup_hooks_on_received);
            Set(set, this.hooks.OnProgress, OnProgress, Native.bitsup_hooks_on_progress);
            Set(set, this.hooks.OnEnd, OnEnd, Native.bitsup_hooks_on_end);
            return set;
        }

        /// <summary>Throws, once, the first exception that nobody has taken.</summary>
        public void ThrowKept() => Interlocked.Exchange(ref this.first, null)?.Throw();

        private static HookCallbacks Of(IntPtr userData) => UserData.Of<HookCallbacks>(userData);

        private static void Set<T>(HooksHandle set, Delegate? wanted, T callback, Setting.Of<HooksHandle, T> setter)
        {
            if (wanted != null)
            {
                Call.Check(setter(set, callback, out IntPtr error), error);
            }
        }

        private int Decide(IntPtr upload, IntPtr verdict, Func<BitsHooks, Action<BitsUpload, BitsVerdict>> hook) =>
            Guard(upload, verdict, (hooks, loan) => hook(hooks)(new BitsUpload(loan), new BitsVerdict(loan)))
                ? Native.BITSUP_CONTINUE
                : Native.BITSUP_ABORT;

        private bool Guard(IntPtr upload, IntPtr verdict, Action<BitsHooks, Loan> hook)
        {
            using var loan = new Loan(upload, verdict);
            if (CallFrame.IsInside)
            {
                return CallFrame.Guard(() => hook(this.hooks, loan));
            }

            try
            {
                hook(this.hooks, loan);
                return true;
            }
            catch (Exception exception)
            {
                Report(exception);
                return false;
            }
        }

        /// <summary>On a thread of a server no call waits for it.</summary>
        private void Report(Exception exception)
        {
            try
            {
                if (this.hooks.OnException is { } listener)
                {
                    listener(exception);
                    return;
                }
            }
            catch (Exception thrown)
            {
                exception = thrown;
            }

            Interlocked.CompareExchange(ref this.first, ExceptionDispatchInfo.Capture(exception), null);
        }
    }
}
