using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>Uploads files to BITS servers. Thread-safe.</summary>
    public sealed class BitsClient : IDisposable
    {
        private readonly ClientHandle handle;

        /// <summary>Initializes a client.</summary>
        /// <param name="options">The configuration. Later changes to the object have no effect.</param>
        /// <exception cref="BitsException">A value is out of range.</exception>
        public BitsClient(BitsClientOptions? options = null)
        {
            using ClientConfigHandle config = (options ?? new BitsClientOptions()).ToNative();
            Call.Check(Native.bitsup_client_new(config, out this.handle, out IntPtr error), error);
        }

        /// <summary>Checks whether the server at a URL accepts uploads. Sends one Ping and does not retry.</summary>
        /// <param name="url">The URL.</param>
        /// <exception cref="BitsException">The server refused the Ping or could not be reached.</exception>
        public void Ping(string url)
        {
            byte[] text = Call.Text(url, nameof(url));
            CallFrame.Call(() => Call.Failure(Native.bitsup_client_ping(this.handle, text, out IntPtr error), error));
        }

        /// <summary>Uploads a file and blocks until it is delivered.</summary>
        /// <param name="path">
        /// The file. If it changes during the upload, the upload fails with <see cref="BitsStatus.SourceChanged"/>.
        /// </param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload.</param>
        /// <param name="progress">Receives the progress on the calling thread.</param>
        /// <param name="cancellationToken">
        /// See <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.
        /// </param>
        /// <returns>The result of the upload.</returns>
        /// <exception cref="BitsException">The upload failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public UploadResult Upload(
            string path,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(path, url, options, progress);
            job.Run(StopAction(job, options), cancellationToken);
            return job.Result();
        }

        /// <summary>Uploads a stream and blocks until it is delivered.</summary>
        /// <param name="content">See <see cref="CreateJob(Stream, string, UploadOptions, IProgress{UploadProgress})"/>.</param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload.</param>
        /// <param name="progress">Receives the progress on the calling thread.</param>
        /// <param name="cancellationToken">
        /// See <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.
        /// </param>
        /// <returns>The result of the upload.</returns>
        /// <exception cref="BitsException">The upload failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public UploadResult Upload(
            Stream content,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(content, url, options, progress);
            job.Run(StopAction(job, options), cancellationToken);
            return job.Result();
        }

        /// <summary>Uploads a file on a dedicated thread.</summary>
        /// <param name="path">
        /// The file. If it changes during the upload, the upload fails with <see cref="BitsStatus.SourceChanged"/>.
        /// </param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload.</param>
        /// <param name="progress">Receives the progress on the thread of the upload.</param>
        /// <param name="cancellationToken">
        /// Stops the upload within 250 ms. If <see cref="UploadOptions.StatePath"/> is set, the upload is suspended and the
        /// same call resumes it. Otherwise it could not be resumed, so it is cancelled; one attempt is made to cancel it on
        /// the server.
        /// </param>
        /// <returns>The result of the upload.</returns>
        /// <exception cref="BitsException">The upload failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public async Task<UploadResult> UploadAsync(
            string path,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(path, url, options, progress);
            await job.RunAsync(StopAction(job, options), cancellationToken).ConfigureAwait(false);
            return job.Result();
        }

        /// <summary>Uploads a stream on a dedicated thread.</summary>
        /// <param name="content">See <see cref="CreateJob(Stream, string, UploadOptions, IProgress{UploadProgress})"/>.</param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload.</param>
        /// <param name="progress">Receives the progress on the thread of the upload.</param>
        /// <param name="cancellationToken">
        /// See <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.
        /// </param>
        /// <returns>The result of the upload.</returns>
        /// <exception cref="BitsException">The upload failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public async Task<UploadResult> UploadAsync(
            Stream content,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            // A stream that cannot seek is copied to a file here, which can take as long as the stream does.
            using UploadJob job = await Task.Run(() => CreateJob(content, url, options, progress), cancellationToken).ConfigureAwait(false);
            await job.RunAsync(StopAction(job, options), cancellationToken).ConfigureAwait(false);
            return job.Result();
        }

        /// <summary>Creates a job that uploads a file. Nothing is sent until the job runs.</summary>
        /// <param name="path">The file. Its size, modification time and change time are read now.</param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload. Later changes to the object have no effect.</param>
        /// <param name="progress">Receives the progress on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The file cannot be read, or the URL is invalid.</exception>
        public UploadJob CreateJob(
            string path, string url, UploadOptions? options = null, IProgress<UploadProgress>? progress = null)
        {
            Call.Check(Native.bitsup_source_from_file(Call.Text(path, nameof(path)), out SourceHandle source, out IntPtr error), error);
            return CreateJob(source, url, options, progress);
        }

        /// <summary>Creates a job that uploads a copy of the given bytes. Nothing is sent until the job runs.</summary>
        /// <param name="content">The bytes.</param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload. Later changes to the object have no effect.</param>
        /// <param name="progress">Receives the progress on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The URL is invalid.</exception>
        public UploadJob CreateJob(
            byte[] content, string url, UploadOptions? options = null, IProgress<UploadProgress>? progress = null)
        {
            if (content is null)
            {
                throw new ArgumentNullException(nameof(content));
            }

            int status = Native.bitsup_source_from_bytes(
                content, (UIntPtr)content.Length, out SourceHandle source, out IntPtr error);
            Call.Check(status, error);
            return CreateJob(source, url, options, progress);
        }

        /// <summary>
        /// Creates a job that uploads a stream from its current position to its end. Nothing is sent until the job runs.
        /// </summary>
        /// <param name="content">
        /// The stream. Parts of it are read again if the server lost data. A stream that cannot seek is first copied to a
        /// temporary file. The stream is not closed; keep it open, and do not use it, until the job has ended.
        /// </param>
        /// <param name="url">The destination URL.</param>
        /// <param name="options">Options of this upload. Later changes to the object have no effect.</param>
        /// <param name="progress">Receives the progress on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The URL is invalid.</exception>
        public UploadJob CreateJob(
            Stream content, string url, UploadOptions? options = null, IProgress<UploadProgress>? progress = null)
        {
            SourceHandle source = StreamSource.Create(content ?? throw new ArgumentNullException(nameof(content)));
            return CreateJob(source, url, options, progress);
        }

        /// <summary>
        /// Downloads a URL, such as that of a reply, to a file. Uses range requests, retries as a job does, and blocks
        /// until the file is complete. Until then the data is in a file with ".part" appended to the path.
        /// </summary>
        /// <param name="url">The URL.</param>
        /// <param name="path">The file to write.</param>
        /// <param name="progress">
        /// Receives the progress on the calling thread. An exception that it throws ends the download.
        /// </param>
        /// <exception cref="BitsException">The download failed.</exception>
        public void Download(string url, string path, IProgress<DownloadProgress>? progress = null)
        {
            (byte[] from, byte[] to) = (Call.Text(url, nameof(url)), Call.Text(path, nameof(path)));
            var options = new UploadOptions();
            if (progress != null)
            {
                options.OnReplyProgress = progress.Report;
            }

            var callbacks = new JobCallbacks();
            using ObserverHandle observer = callbacks.NewObserver();
            callbacks.Call(options, () => { }, () => Call.Failure(
                Native.bitsup_client_download(this.handle, from, to, observer, out IntPtr error), error));
        }

        /// <summary>Frees the client. Its jobs can still be used.</summary>
        public void Dispose() => this.handle.Dispose();

        private static Action StopAction(UploadJob job, UploadOptions? options)
        {
            if (options?.StatePath is null)
            {
                return job.Cancel;
            }

            return job.Suspend;
        }

        private UploadJob CreateJob(SourceHandle source, string url, UploadOptions? options, IProgress<UploadProgress>? progress)
        {
            using (source)
            {
                UploadOptions copy = (options ?? new UploadOptions()).Copy();
                if (progress != null)
                {
                    copy.OnProgress += progress.Report;
                }

                byte[] text = Call.Text(url, nameof(url));
                Call.Check(Native.bitsup_job_new(this.handle, text, source, out JobHandle job, out IntPtr error), error);
                return new UploadJob(job, copy);
            }
        }
    }
}
