using System;
using System.Collections.Generic;

namespace Bitsup
{
    /// <summary>
    /// Options and callbacks of one upload. The callbacks run one at a time on the thread that called into the library, and may
    /// suspend, cancel and dispose the job. An exception thrown by a callback ends the run and is rethrown by the call.
    /// </summary>
    public sealed class UploadOptions
    {
        /// <summary>
        /// The file to write the server's reply to. The session is closed only after the whole reply has been written. If the
        /// server sends no reply, the run fails with <see cref="BitsStatus.Protocol"/>.
        /// </summary>
        public string? ReplyPath { get; set; }

        /// <summary>
        /// The file that keeps the state of the upload, so that another process can resume it. It is removed when the upload is
        /// complete or cancelled.
        /// </summary>
        public string? StatePath { get; set; }

        /// <summary>The content name sent to the server. Default: the last segment of the path.</summary>
        public string? ContentName { get; set; }

        /// <summary>Header fields added to every request of this upload, after those of the client.</summary>
        public IList<KeyValuePair<string, string>> Headers { get; } = new List<KeyValuePair<string, string>>();

        /// <summary>Called when the server has acknowledged bytes.</summary>
        public Action<UploadProgress>? OnProgress { get; set; }

        /// <summary>Called when bytes of the reply have been received.</summary>
        public Action<DownloadProgress>? OnReplyProgress { get; set; }

        /// <summary>Called with the old and the new state when the state of the job changes.</summary>
        public Action<JobState, JobState>? OnState { get; set; }

        /// <summary>Called when a request failed and will be retried.</summary>
        public Action<RetryEvent>? OnRetry { get; set; }

        internal UploadOptions Copy() => (UploadOptions)MemberwiseClone();
    }

    /// <summary>The result of a completed upload.</summary>
    public sealed class UploadResult
    {
        internal UploadResult(long length, string? replyPath, string? replyUrl)
        {
            Length = length;
            ReplyPath = replyPath;
            ReplyUrl = replyUrl;
        }

        /// <summary>The length of the uploaded content in bytes.</summary>
        public long Length { get; }

        /// <summary>The file that contains the reply; null unless <see cref="UploadOptions.ReplyPath"/> was set.</summary>
        public string? ReplyPath { get; }

        /// <summary>The URL of the reply; null if the server sent none.</summary>
        public string? ReplyUrl { get; }
    }
}
