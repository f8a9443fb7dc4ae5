using System;

namespace Bitsup
{
    /// <summary>
    /// Forwards the calls of an observer to the delegates of a job. It refers to the delegates only during a call: a delegate
    /// often refers to its job, and the native job, which keeps this object alive, would keep both from being collected.
    /// </summary>
    internal sealed class JobCallbacks
    {
        private static readonly Native.bitsup_observer_progress_fn OnProgress = (userData, sent, total) =>
            Get(userData).Invoke(options => options.OnProgress?.Invoke(new UploadProgress(sent, total)));

        private static readonly Native.bitsup_observer_reply_progress_fn OnReplyProgress = (userData, received, total) =>
            Get(userData).Invoke(options => options.OnReplyProgress?.Invoke(new DownloadProgress(received, total)));

        private static readonly Native.bitsup_observer_state_fn OnState = (userData, from, to) => Get(userData).StateChanged((JobState)from, (JobState)to);

        private static readonly Native.bitsup_observer_retry_fn OnRetry = Retry;

        private readonly object sync = new object();
        private UploadOptions? options;
        private Action? stop;
        private int calls;

        /// <summary>
        /// Creates an observer that calls the delegates given to <see cref="Call"/>. It owns one reference to this object.
        /// </summary>
        public ObserverHandle NewObserver()
        {
            ObserverHandle observer = Bitsup.Call.NonNull(Native.bitsup_observer_new(UserData.Alloc(this), UserData.Destroy));
            Bitsup.Call.Check(Native.bitsup_observer_on_progress(observer, OnProgress, out IntPtr error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_reply_progress(observer, OnReplyProgress, out error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_state(observer, OnState, out error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_retry(observer, OnRetry, out error), error);
            return observer;
        }

        /// <summary>Makes a call that may invoke callbacks, and rethrows an exception of a delegate.</summary>
        /// <param name="options">The delegates.</param>
        /// <param name="stop">Stops the call from a callback that returns no value.</param>
        /// <param name="call">The call.</param>
        public void Call(UploadOptions options, Action stop, Func<BitsException?> call)
        {
            lock (this.sync)
            {
                this.calls++;
                (this.options, this.stop) = (options, stop);
            }

            try
            {
                CallFrame.Call(call);
            }
            finally
            {
                lock (this.sync)
                {
                    if (--this.calls == 0)
                    {
                        (this.options, this.stop) = (null, null);
                    }
                }
            }
        }

        private static JobCallbacks Get(IntPtr userData) => UserData.Get<JobCallbacks>(userData);

        private static int Retry(IntPtr userData, IntPtr cause, uint attempt, ref ulong delay)
        {
            var retry = new RetryEvent(
                new BitsException(Native.bitsup_error_status(cause), cause), attempt, Bitsup.Call.Time(delay));
            ulong chosenDelay = delay;
            int result = Get(userData).Invoke(options =>
            {
                options.OnRetry?.Invoke(retry);
                chosenDelay = Bitsup.Call.Milliseconds(retry.Delay, nameof(retry.Delay));
            });
            delay = chosenDelay;
            return result;
        }

        private int Invoke(Action<UploadOptions> callback) =>
            CallFrame.Guard(() => callback(this.options!)) ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;

        /// <summary>
        /// Handles a state change. The native callback returns no value, so a failure stops the run by other means.
        /// </summary>
        private void StateChanged(JobState from, JobState to)
        {
            bool ends = to == JobState.Suspended || to == JobState.Closed || to == JobState.Cancelled || to == JobState.Failed;
            if (!CallFrame.Guard(() => this.options!.OnState?.Invoke(from, to)) && !ends)
            {
                this.stop!();
            }
        }
    }
}
