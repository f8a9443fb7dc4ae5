using System;
using System.Collections.Generic;

namespace Bitsup
{
    /// <summary>
    /// What one upload does besides sending. The delegates run on the thread that is inside the call, one at a time; they may
    /// suspend, cancel and dispose of the job. What one throws ends the run, and that call throws it with its own stack.
    /// </summary>
    public sealed class UploadOptions
    {
        /// <summary>
        /// Where the reply of the server goes. With it the session is closed only when the reply is whole and safe there; a
        /// server without a reply ends the run with <see cref="BitsStatus.Protocol"/>.
        /// </summary>
        public string? ReplyPath { get; set; }

        /// <summary>
        /// The file that keeps the state of the upload, so that another process can continue it. It is removed when the
        /// upload is complete or cancelled.
        /// </summary>
        public string? StatePath { get; set; }

        /// <summary>The name to tell the server; by default the last part of the path.</summary>
        public string? ContentName { get; set; }

        /// <summary>Header fields added to every request of this upload, behind those of the client.</summary>
        public IList<KeyValuePair<string, string>> Headers { get; } = new List<KeyValuePair<string, string>>();

        /// <summary>Bytes were acknowledged.</summary>
        public Action<UploadProgress>? OnProgress { get; set; }

        /// <summary>Bytes of the reply came in.</summary>
        public Action<DownloadProgress>? OnReplyProgress { get; set; }

        /// <summary>The job went from one state to another.</summary>
        public Action<JobState, JobState>? OnState { get; set; }

        /// <summary>A request failed and will be tried again.</summary>
        public Action<RetryEvent>? OnRetry { get; set; }

        internal UploadOptions Copy() => (UploadOptions)MemberwiseClone();
    }

    /// <summary>What became of an upload.</summary>
    public sealed class UploadResult
    {
        internal UploadResult(long length, string? replyPath, string? replyUrl)
        {
            Length = length;
            ReplyPath = replyPath;
            ReplyUrl = replyUrl;
        }

        /// <summary>Bytes that the server has: all.</summary>
        public long Length { get; }

        /// <summary>Where the reply is; null unless one was asked for.</summary>
        public string? ReplyPath { get; }

        /// <summary>Where the reply came from, or could be had; null when the server named none.</summary>
        public string? ReplyUrl { get; }
    }
}
