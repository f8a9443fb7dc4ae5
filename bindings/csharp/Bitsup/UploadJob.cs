using System;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// One upload. Only one run at a time is possible; all other members may be used from any thread, even during a run
    /// and in its callbacks. A job that is not disposed is freed by the garbage collector.
    /// </summary>
    public sealed class UploadJob : IDisposable
    {
        private readonly JobHandle handle;
        private readonly JobCallbacks callbacks = new JobCallbacks();
        private readonly UploadOptions options;

        internal UploadJob(JobHandle handle, UploadOptions options)
        {
            this.handle = handle;
            this.options = options;
            try
            {
                Configure();
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }

        /// <summary>The state of the job.</summary>
        /// <exception cref="BitsException">
        /// <see cref="BitsStatus.Panic"/>: a bug in the library has made the job unusable.
        /// </exception>
        public JobState State
        {
            get
            {
                int state = Native.bitsup_job_state(this.handle);
                return state >= 0 ? (JobState)state : throw new BitsException(Native.BITSUP_E_PANIC, IntPtr.Zero);
            }
        }

        /// <summary>The progress of the upload.</summary>
        public UploadProgress Progress
        {
            get
            {
                int status = Native.bitsup_job_progress(this.handle, out ulong sent, out ulong total, out IntPtr error);
                Call.Check(status, error);
                return new UploadProgress(sent, total);
            }
        }

        /// <summary>The session id that the server assigned; null if there is none yet.</summary>
        public string? SessionId =>
            OptionalString(Native.bitsup_job_session_id(this.handle, out IntPtr text, out IntPtr error), text, error);

        /// <summary>The URL of the reply; null if the server has not sent one.</summary>
        public string? ReplyUrl =>
            OptionalString(Native.bitsup_job_reply_url(this.handle, out IntPtr text, out IntPtr error), text, error);

        /// <summary>
        /// Runs the upload. Blocks until the file is delivered, the reply is downloaded and the session is closed, retrying as
        /// configured. Calling it again after a run has ended resumes the job, unless it is complete or cancelled.
        /// </summary>
        /// <param name="cancellationToken">
        /// Suspends the job within 250 ms. The session stays on the server for the next run.
        /// </param>
        /// <exception cref="BitsException">The upload failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Run(CancellationToken cancellationToken = default) => Run(Suspend, cancellationToken);

        /// <summary>Calls <see cref="Run(CancellationToken)"/> on a dedicated thread.</summary>
        /// <param name="cancellationToken">
        /// Suspends the job within 250 ms. The session stays on the server for the next run.
        /// </param>
        /// <returns>A task that completes when the run has ended.</returns>
        public Task RunAsync(CancellationToken cancellationToken = default) => RunAsync(Suspend, cancellationToken);

        /// <summary>
        /// Requests that the current run ends within 250 ms with <see cref="BitsStatus.Suspended"/>, and returns
        /// immediately. The session stays on the server for the next run. If no run is in progress, the next one ends as it
        /// starts.
        /// </summary>
        public void Suspend() => Call.Check(Native.bitsup_job_suspend(this.handle, out IntPtr error), error);

        /// <summary>
        /// Cancels the upload. During a run: ends the run within 250 ms with <see cref="BitsStatus.Cancelled"/>, after one
        /// attempt to cancel the session on the server, and returns immediately. Without a run: cancels the session and
        /// blocks until the server has acknowledged this, retrying as a run does. The job cannot be run again.
        /// </summary>
        public void Cancel() => this.callbacks.Call(
            this.options, Suspend, () => Call.Failure(Native.bitsup_job_cancel(this.handle, out IntPtr error), error));

        /// <summary>
        /// Sends at most one request, or downloads the reply. Use it to decide yourself when a complete upload is acknowledged:
        /// steps end at <see cref="JobState.Transferred"/>, from where only <see cref="Complete"/> continues. After
        /// <see cref="JobState.Waiting"/> the next step waits for the rest of the delay.
        /// </summary>
        /// <param name="cancellationToken">See <see cref="Run(CancellationToken)"/>.</param>
        /// <returns>The state of the job after the step.</returns>
        /// <exception cref="BitsException">See <see cref="Run(CancellationToken)"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public JobState Step(CancellationToken cancellationToken = default)
        {
            int state = 0;
            Invoke(
                Suspend, cancellationToken, () => Call.Failure(Native.bitsup_job_step(this.handle, out state, out IntPtr error), error));
            return (JobState)state;
        }

        /// <summary>
        /// Closes the session of an upload that steps have brought to <see cref="JobState.Transferred"/>, retrying as a run
        /// does. Until then the server keeps the session and its reply.
        /// </summary>
        /// <param name="cancellationToken">See <see cref="Run(CancellationToken)"/>.</param>
        /// <exception cref="BitsException"><see cref="BitsStatus.InvalidState"/>: the job is not in that state.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Complete(CancellationToken cancellationToken = default) => Invoke(
            Suspend, cancellationToken, () => Call.Failure(Native.bitsup_job_close(this.handle, out IntPtr error), error));

        /// <summary>Changes the rate limit of the job. Takes effect immediately, even for the current request.</summary>
        /// <param name="bytesPerSecond">Maximum bytes per second; 0 for no limit.</param>
        public void SetRateLimit(long bytesPerSecond) =>
            Setting.Count(this.handle, bytesPerSecond, Native.bitsup_job_set_rate_limit, nameof(bytesPerSecond));

        /// <summary>
        /// Returns the state of the job, with which <see cref="ImportState"/> resumes it in this or another process. May be
        /// called during a run. Keep the state private: it contains the session id, with which others could interfere with
        /// the upload. It contains no credentials.
        /// </summary>
        /// <returns>The state.</returns>
        /// <exception cref="BitsException"><see cref="BitsStatus.InvalidState"/>: the job is complete or cancelled.</exception>
        public byte[] ExportState()
        {
            Call.Check(Native.bitsup_job_export(this.handle, out IntPtr state, out UIntPtr length, out IntPtr error), error);
            try
            {
                var copy = new byte[length.ToUInt64()];
                Marshal.Copy(state, copy, 0, copy.Length);
                return copy;
            }
            finally
            {
                Native.bitsup_bytes_free(state, length);
            }
        }

        /// <summary>
        /// Resumes from a state returned by <see cref="ExportState"/> for a job with the same URL and source. Call it
        /// before the first run.
        /// </summary>
        /// <param name="state">The state.</param>
        /// <exception cref="BitsException">
        /// The state is damaged or that of another upload, or the job was already run.
        /// </exception>
        public void ImportState(byte[] state)
        {
            if (state is null)
            {
                throw new ArgumentNullException(nameof(state));
            }

            Call.Check(Native.bitsup_job_import(this.handle, state, (UIntPtr)state.Length, out IntPtr error), error);
        }

        /// <summary>
        /// Suspends a run in progress and frees the job. The session of an incomplete upload stays on the server.
        /// </summary>
        public void Dispose()
        {
            if (!this.handle.IsClosed)
            {
                TryStop(Suspend);
                this.handle.Dispose();
            }
        }

        internal void Run(Action stop, CancellationToken cancellationToken) => Invoke(
            stop, cancellationToken, () => Call.Failure(Native.bitsup_job_run(this.handle, out IntPtr error), error));

        internal Task RunAsync(Action stop, CancellationToken cancellationToken) => Task.Factory.StartNew(
            () => Run(stop, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default);

        internal UploadResult Result() => new UploadResult(Progress.Total, this.options.ReplyPath, ReplyUrl);

        /// <summary>Stops a run, unless the job has ended or was disposed in the meantime.</summary>
        private static void TryStop(Action stop)
        {
            try
            {
                stop();
            }
            catch (BitsException)
            {
            }
            catch (ObjectDisposedException)
            {
            }
        }

        private static string? OptionalString(int status, IntPtr text, IntPtr error)
        {
            if (status == Native.BITSUP_E_INVALID_STATE)
            {
                Native.bitsup_error_free(error);
                return null;
            }

            Call.Check(status, error);
            return Call.OwnedString(text);
        }

        private void Invoke(Action stop, CancellationToken cancellationToken, Func<BitsException?> run)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using (cancellationToken.Register(() => TryStop(stop)))
                {
                    this.callbacks.Call(this.options, Suspend, run);
                }
            }
            catch (BitsException ended) when (cancellationToken.IsCancellationRequested && ended.Class == BitsStatusClass.Stopped)
            {
                throw new OperationCanceledException(ended.Message, ended, cancellationToken);
            }
        }

        private void Configure()
        {
            Setting.Text(this.handle, this.options.ContentName, Native.bitsup_job_set_content_name, nameof(UploadOptions.ContentName));
            Setting.Text(this.handle, this.options.ReplyPath, Native.bitsup_job_set_reply_path, nameof(UploadOptions.ReplyPath));
            Setting.Text(this.handle, this.options.StatePath, Native.bitsup_job_set_state_path, nameof(UploadOptions.StatePath));
            Setting.Pairs(this.handle, this.options.Headers, Native.bitsup_job_add_header, nameof(UploadOptions.Headers));
            using ObserverHandle observer = this.callbacks.NewObserver();
            Call.Check(Native.bitsup_job_set_observer(this.handle, observer, out IntPtr error), error);
        }
    }
}
