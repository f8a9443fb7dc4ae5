using System;

namespace Bitsup
{
    /// <summary>The progress of an upload.</summary>
    public readonly struct UploadProgress
    {
        internal UploadProgress(ulong sent, ulong total)
        {
            Sent = (long)sent;
            Total = (long)total;
        }

        /// <summary>Bytes that the server has acknowledged. Decreases if the server lost data.</summary>
        public long Sent { get; }

        /// <summary>Length of the content in bytes.</summary>
        public long Total { get; }

        /// <summary>The part of the content that was acknowledged, from 0 to 1.</summary>
        public double Fraction => Total == 0 ? 1 : (double)Sent / Total;

        /// <inheritdoc/>
        public override string ToString() => $"{Sent} of {Total} bytes";
    }

    /// <summary>The progress of a download, such as that of a reply.</summary>
    public readonly struct DownloadProgress
    {
        internal DownloadProgress(ulong received, ulong total)
        {
            Received = (long)received;
            Total = Call.Length(total);
        }

        /// <summary>Bytes received. Decreases if the content changed and the download starts again.</summary>
        public long Received { get; }

        /// <summary>Length of the content in bytes; null if it is not known yet.</summary>
        public long? Total { get; }
    }

    /// <summary>A failed request that will be retried.</summary>
    public sealed class RetryEvent
    {
        internal RetryEvent(BitsException cause, uint attempt, TimeSpan delay)
        {
            Cause = cause;
            Attempt = attempt;
            Delay = delay;
        }

        /// <summary>The failure of the request.</summary>
        public BitsException Cause { get; }

        /// <summary>The number of consecutive failures, starting at 1.</summary>
        public long Attempt { get; }

        /// <summary>The delay before the next attempt. The callback may change it.</summary>
        public TimeSpan Delay { get; set; }
    }
}
