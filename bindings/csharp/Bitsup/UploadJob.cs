using System;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>
    /// One upload. One run at a time; everything else may be called from any thread, also while it runs and out of its
    /// delegates. Whoever drops one without disposing of it leaves that to the garbage collector.
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

        /// <summary>Where the job is.</summary>
        /// <exception cref="BitsException"><see cref="BitsStatus.Panic"/>: a bug in the library made the job unusable.</exception>
        public JobState State
        {
            get
            {
                int state = Native.bitsup_job_state(this.handle);
                return state >= 0 ? (JobState)state : throw new BitsException(Native.BITSUP_E_PANIC, IntPtr.Zero);
            }
        }

        /// <summary>How far the upload is.</summary>
        public UploadProgress Progress
        {
            get
            {
                int status = Native.bitsup_job_progress(this.handle, out ulong sent, out ulong total, out IntPtr error);
                Call.Check(status, error);
                return new UploadProgress(sent, total);
            }
        }

        /// <summary>The session, as the server named it; null while there is none.</summary>
        public string? SessionId =>
            Named(Native.bitsup_job_session_id(this.handle, out IntPtr text, out IntPtr error), text, error);

        /// <summary>Where the reply is; null when the server has not named one.</summary>
        public string? ReplyUrl =>
            Named(Native.bitsup_job_reply_url(this.handle, out IntPtr text, out IntPtr error), text, error);

        /// <summary>
        /// Uploads. Blocks until the file is delivered, its reply fetched and the session closed, retrying by itself. Running
        /// an ended job again continues it, unless it was complete or cancelled.
        /// </summary>
        /// <param name="cancellationToken">
        /// Suspends the job, within 250 ms; the session stays on the server for the next run.
        /// </param>
        /// <exception cref="BitsException">Why it failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Run(CancellationToken cancellationToken = default) => Run(Suspend, cancellationToken);

        /// <summary><see cref="Run(CancellationToken)"/> on a thread of its own.</summary>
        /// <param name="cancellationToken">
        /// Suspends the job, within 250 ms; the session stays on the server for the next run.
        /// </param>
        /// <returns>The run.</returns>
        public Task RunAsync(CancellationToken cancellationToken = default) => RunAsync(Suspend, cancellationToken);

        /// <summary>
        /// Ends a run within 250 ms with <see cref="BitsStatus.Suspended"/>, and returns at once. The session stays on the
        /// server for the next run. Asked for before a run, it ends that run as it begins.
        /// </summary>
        public void Suspend() => Call.Check(Native.bitsup_job_suspend(this.handle, out IntPtr error), error);

        /// <summary>
        /// Gives the upload up. While a run is in progress: ends it within 250 ms with <see cref="BitsStatus.Cancelled"/>,
        /// trying once to cancel the session on the server, and returns at once. Without a run: cancels the session, and
        /// blocks until the server has acknowledged, retrying as a run does. The job cannot be run any more.
        /// </summary>
        public void Cancel() => this.callbacks.Call(
            this.options, Suspend, () => Call.Failure(Native.bitsup_job_cancel(this.handle, out IntPtr error), error));

        /// <summary>
        /// Sends one request at most, or fetches the reply. For those who acknowledge a complete upload themselves: steps lead
        /// to <see cref="JobState.Transferred"/>, where they send nothing and <see cref="Complete"/> goes on. After
        /// <see cref="JobState.Waiting"/> the next step waits for the rest of the delay.
        /// </summary>
        /// <param name="cancellationToken">As for <see cref="Run(CancellationToken)"/>.</param>
        /// <returns>Where the job is then.</returns>
        /// <exception cref="BitsException">As for <see cref="Run(CancellationToken)"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public JobState Step(CancellationToken cancellationToken = default)
        {
            int state = 0;
            Running(
                Suspend, cancellationToken, () => Call.Failure(Native.bitsup_job_step(this.handle, out state, out IntPtr error), error));
            return (JobState)state;
        }

        /// <summary>
        /// Acknowledges an upload that steps have led to <see cref="JobState.Transferred"/>: closes the session, retrying as a
        /// run does. Until then the server keeps the session, and its reply.
        /// </summary>
        /// <param name="cancellationToken">As for <see cref="Run(CancellationToken)"/>.</param>
        /// <exception cref="BitsException"><see cref="BitsStatus.InvalidState"/>: the upload is not there yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Complete(CancellationToken cancellationToken = default) => Running(
            Suspend, cancellationToken, () => Call.Failure(Native.bitsup_job_close(this.handle, out IntPtr error), error));

        /// <summary>Sets how fast the job may be from now on, the request under way included.</summary>
        /// <param name="bytesPerSecond">Most bytes per second; 0: no limit.</param>
        public void SetRateLimit(long bytesPerSecond) =>
            Setting.Count(this.handle, bytesPerSecond, Native.bitsup_job_set_rate_limit, nameof(bytesPerSecond));

        /// <summary>
        /// The state of the job, from which <see cref="ImportState"/> goes on in this process or another, also while it runs.
        /// It names the session, which is all it takes to disturb the upload, so keep it private. Credentials are not in it.
        /// </summary>
        /// <returns>The state.</returns>
        /// <exception cref="BitsException"><see cref="BitsStatus.InvalidState"/>: it is complete or cancelled.</exception>
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

        /// <summary>Goes on from what <see cref="ExportState"/> gave for a job with the same URL and source. Before it is run.</summary>
        /// <param name="state">The state.</param>
        /// <exception cref="BitsException">It is that of another upload, or the job was begun.</exception>
        public void ImportState(byte[] state)
        {
            if (state is null)
            {
                throw new ArgumentNullException(nameof(state));
            }

            Call.Check(Native.bitsup_job_import(this.handle, state, (UIntPtr)state.Length, out IntPtr error), error);
        }

        /// <summary>Suspends a run in progress, and frees the job. The session of an incomplete upload stays on the server.</summary>
        public void Dispose()
        {
            if (!this.handle.IsClosed)
            {
                Quietly(Suspend);
                this.handle.Dispose();
            }
        }

        internal void Run(Action stop, CancellationToken cancellationToken) => Running(
            stop, cancellationToken, () => Call.Failure(Native.bitsup_job_run(this.handle, out IntPtr error), error));

        internal Task RunAsync(Action stop, CancellationToken cancellationToken) => Task.Factory.StartNew(
            () => Run(stop, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default);

        internal UploadResult Result() => new UploadResult(Progress.Total, this.options.ReplyPath, ReplyUrl);

        /// <summary>A job that ended or was freed in the meantime needs no stopping.</summary>
        private static void Quietly(Action stop)
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

        private static string? Named(int status, IntPtr text, IntPtr error)
        {
            if (status == Native.BITSUP_E_INVALID_STATE)
            {
                Native.bitsup_error_free(error);
                return null;
            }

            Call.Check(status, error);
            return Call.Given(text);
        }

        private void Running(Action stop, CancellationToken cancellationToken, Func<BitsException?> run)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using (cancellationToken.Register(() => Quietly(stop)))
                {
                    this.callbacks.Call(this.options, Suspend, run);
                }
            }
            catch (BitsException ended) when (cancellationToken.IsCancellationRequested && ended.Class == BitsStatusClass.Asked)
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
