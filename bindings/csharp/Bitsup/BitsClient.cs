using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>Uploads files to BITS servers. May be used from any thread, concurrently.</summary>
    public sealed class BitsClient : IDisposable
    {
        private readonly ClientHandle handle;

        /// <summary>A client.</summary>
        /// <param name="options">How it behaves; read now.</param>
        /// <exception cref="BitsException">A value is outside its domain.</exception>
        public BitsClient(BitsClientOptions? options = null)
        {
            using ClientConfigHandle config = (options ?? new BitsClientOptions()).ToNative();
            Call.Check(Native.bitsup_client_new(config, out this.handle, out IntPtr error), error);
        }

        /// <summary>Asks the server behind a URL whether it takes uploads: one Ping, without retry.</summary>
        /// <param name="url">The URL.</param>
        /// <exception cref="BitsException">It does not, or does not answer.</exception>
        public void Ping(string url)
        {
            byte[] text = Call.Text(url, nameof(url));
            CallFrame.Call(() => Call.Failure(Native.bitsup_client_ping(this.handle, text, out IntPtr error), error));
        }

        /// <summary>Uploads a file, and blocks until it is delivered.</summary>
        /// <param name="path">The file. A change during the upload ends it with <see cref="BitsStatus.SourceChanged"/>.</param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do.</param>
        /// <param name="progress">Hears of acknowledged bytes, on this thread.</param>
        /// <param name="cancellationToken">As for <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.</param>
        /// <returns>What became of it.</returns>
        /// <exception cref="BitsException">Why it failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public UploadResult Upload(
            string path,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(path, url, options, progress);
            job.Run(StopOf(job, options), cancellationToken);
            return job.Result();
        }

        /// <summary>Uploads a stream, and blocks until it is delivered.</summary>
        /// <param name="content">As for <see cref="CreateJob(Stream, string, UploadOptions, IProgress{UploadProgress})"/>.</param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do.</param>
        /// <param name="progress">Hears of acknowledged bytes, on this thread.</param>
        /// <param name="cancellationToken">As for <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.</param>
        /// <returns>What became of it.</returns>
        /// <exception cref="BitsException">Why it failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public UploadResult Upload(
            Stream content,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(content, url, options, progress);
            job.Run(StopOf(job, options), cancellationToken);
            return job.Result();
        }

        /// <summary>Uploads a file, on a thread of its own.</summary>
        /// <param name="path">The file. A change during the upload ends it with <see cref="BitsStatus.SourceChanged"/>.</param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do.</param>
        /// <param name="progress">Hears of acknowledged bytes, on the thread of the upload.</param>
        /// <param name="cancellationToken">
        /// Ends the upload within 250 ms. With <see cref="UploadOptions.StatePath"/> it is suspended, and the same call
        /// continues it; without, nobody could, so it is cancelled, and the server told so once.
        /// </param>
        /// <returns>What became of it.</returns>
        /// <exception cref="BitsException">Why it failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public async Task<UploadResult> UploadAsync(
            string path,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            using UploadJob job = CreateJob(path, url, options, progress);
            await job.RunAsync(StopOf(job, options), cancellationToken).ConfigureAwait(false);
            return job.Result();
        }

        /// <summary>Uploads a stream, on a thread of its own.</summary>
        /// <param name="content">As for <see cref="CreateJob(Stream, string, UploadOptions, IProgress{UploadProgress})"/>.</param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do.</param>
        /// <param name="progress">Hears of acknowledged bytes, on the thread of the upload.</param>
        /// <param name="cancellationToken">As for <see cref="UploadAsync(string, string, UploadOptions, IProgress{UploadProgress}, CancellationToken)"/>.</param>
        /// <returns>What became of it.</returns>
        /// <exception cref="BitsException">Why it failed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public async Task<UploadResult> UploadAsync(
            Stream content,
            string url,
            UploadOptions? options = null,
            IProgress<UploadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            // What cannot seek is copied, which takes as long as the stream does.
            using UploadJob job = await Task.Run(() => CreateJob(content, url, options, progress), cancellationToken).ConfigureAwait(false);
            await job.RunAsync(StopOf(job, options), cancellationToken).ConfigureAwait(false);
            return job.Result();
        }

        /// <summary>A job that uploads a file. Nothing is sent before it is run.</summary>
        /// <param name="path">The file. Its size and time of modification are taken now.</param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do; read now.</param>
        /// <param name="progress">Hears of acknowledged bytes, on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The file cannot be read, or the URL is none.</exception>
        public UploadJob CreateJob(
            string path, string url, UploadOptions? options = null, IProgress<UploadProgress>? progress = null)
        {
            Call.Check(Native.bitsup_source_from_file(Call.Text(path, nameof(path)), out SourceHandle source, out IntPtr error), error);
            return CreateJob(source, url, options, progress);
        }

        /// <summary>A job that uploads bytes, of which it takes a copy. Nothing is sent before it is run.</summary>
        /// <param name="content">The bytes.</param>
        /// <param name="url">Where they go.</param>
        /// <param name="options">What else to do; read now.</param>
        /// <param name="progress">Hears of acknowledged bytes, on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The URL is none.</exception>
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

        /// <summary>A job that uploads a stream, from where it stands to its end. Nothing is sent before it is run.</summary>
        /// <param name="content">
        /// The stream, which is read again where the server lost something. One that cannot seek is copied to a temporary file
        /// now. It stays open, and must until the job is over; nobody else may use it meanwhile.
        /// </param>
        /// <param name="url">Where it goes.</param>
        /// <param name="options">What else to do; read now.</param>
        /// <param name="progress">Hears of acknowledged bytes, on the thread of the run.</param>
        /// <returns>The job.</returns>
        /// <exception cref="BitsException">The URL is none.</exception>
        public UploadJob CreateJob(
            Stream content, string url, UploadOptions? options = null, IProgress<UploadProgress>? progress = null)
        {
            SourceHandle source = StreamSource.New(content ?? throw new ArgumentNullException(nameof(content)));
            return CreateJob(source, url, options, progress);
        }

        /// <summary>
        /// Downloads a URL, for instance that of a reply, to a file: in ranges, retrying as a job does. Blocks until the file
        /// is whole; until then it is the path with ".part" behind it.
        /// </summary>
        /// <param name="url">The URL.</param>
        /// <param name="path">The file.</param>
        /// <param name="progress">Hears of received bytes, on this thread. What it throws ends the download.</param>
        /// <exception cref="BitsException">Why it failed.</exception>
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

        /// <summary>Frees the client; its jobs live on.</summary>
        public void Dispose() => this.handle.Dispose();

        private static Action StopOf(UploadJob job, UploadOptions? options)
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
                UploadOptions own = (options ?? new UploadOptions()).Copy();
                if (progress != null)
                {
                    own.OnProgress += progress.Report;
                }

                byte[] text = Call.Text(url, nameof(url));
                Call.Check(Native.bitsup_job_new(this.handle, text, source, out JobHandle job, out IntPtr error), error);
                return new UploadJob(job, own);
            }
        }
    }
}
