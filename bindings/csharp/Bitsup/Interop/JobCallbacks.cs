using System;

namespace Bitsup
{
    /// <summary>
    /// Takes the calls of an observer to the delegates of the job. Only while a call is under way does it know them: a
    /// delegate often knows its job, and C, which this object hangs from, would keep both of them for ever.
    /// </summary>
    internal sealed class JobCallbacks
    {
        private static readonly Native.bitsup_progress_fn OnProgress = (userData, sent, total) =>
            Of(userData).Answer(options => options.OnProgress?.Invoke(new UploadProgress(sent, total)));

        private static readonly Native.bitsup_reply_progress_fn OnReplyProgress = (userData, received, total) =>
            Of(userData).Answer(options => options.OnReplyProgress?.Invoke(new DownloadProgress(received, total)));

        private static readonly Native.bitsup_state_fn OnState = (userData, from, to) => Of(userData).State((JobState)from, (JobState)to);

        private static readonly Native.bitsup_retry_fn OnRetry = Retry;

        private readonly object gate = new object();
        private UploadOptions? options;
        private Action? stop;
        private int calls;

        /// <summary>An observer that calls what <see cref="Call"/> is given. C owns one reference to this.</summary>
        public ObserverHandle NewObserver()
        {
            ObserverHandle observer = Bitsup.Call.Made(Native.bitsup_observer_new(UserData.Keep(this), UserData.Destroy));
            Bitsup.Call.Check(Native.bitsup_observer_on_progress(observer, OnProgress, out IntPtr error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_reply_progress(observer, OnReplyProgress, out error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_state(observer, OnState, out error), error);
            Bitsup.Call.Check(Native.bitsup_observer_on_retry(observer, OnRetry, out error), error);
            return observer;
        }

        /// <summary>Makes a call that may call back, and throws what a delegate threw.</summary>
        /// <param name="options">The delegates.</param>
        /// <param name="stop">Ends the call out of a callback whose answer cannot.</param>
        /// <param name="call">The call.</param>
        public void Call(UploadOptions options, Action stop, Func<BitsException?> call)
        {
            lock (this.gate)
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
                lock (this.gate)
                {
                    if (--this.calls == 0)
                    {
                        (this.options, this.stop) = (null, null);
                    }
                }
            }
        }

        private static JobCallbacks Of(IntPtr userData) => UserData.Of<JobCallbacks>(userData);

        private static int Retry(IntPtr userData, IntPtr cause, uint attempt, ref ulong delay)
        {
            var retry = new RetryEvent(
                new BitsException(Native.bitsup_error_status(cause), cause), attempt, Bitsup.Call.Time(delay));
            ulong chosen = delay;
            int answer = Of(userData).Answer(options =>
            {
                options.OnRetry?.Invoke(retry);
                chosen = Bitsup.Call.Milliseconds(retry.Delay, nameof(retry.Delay));
            });
            delay = chosen;
            return answer;
        }

        private int Answer(Action<UploadOptions> callback) =>
            CallFrame.Guard(() => callback(this.options!)) ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;

        /// <summary>C takes no answer to this one, so a run that goes on is told to end in another way.</summary>
        private void State(JobState from, JobState to)
        {
            bool ends = to == JobState.Suspended || to == JobState.Closed || to == JobState.Cancelled || to == JobState.Failed;
            if (!CallFrame.Guard(() => this.options!.OnState?.Invoke(from, to)) && !ends)
            {
                this.stop!();
            }
        }
    }
}
