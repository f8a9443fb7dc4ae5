using System;

namespace Bitsup
{
    /// <summary>How far an upload is.</summary>
    public readonly struct UploadProgress
    {
        internal UploadProgress(ulong sent, ulong total)
        {
            Sent = (long)sent;
            Total = (long)total;
        }

        /// <summary>Bytes that the server has acknowledged. It shrinks when the server lost some.</summary>
        public long Sent { get; }

        /// <summary>Length of what is sent, in bytes.</summary>
        public long Total { get; }

        /// <summary>What part of it is sent, from 0 to 1.</summary>
        public double Fraction => Total == 0 ? 1 : (double)Sent / Total;

        /// <inheritdoc/>
        public override string ToString() => $"{Sent} of {Total} bytes";
    }

    /// <summary>How far a download, for instance that of a reply, is.</summary>
    public readonly struct DownloadProgress
    {
        internal DownloadProgress(ulong received, ulong total)
        {
            Received = (long)received;
            Total = Call.Length(total);
        }

        /// <summary>Bytes that came in. It shrinks when the content changed and is fetched anew.</summary>
        public long Received { get; }

        /// <summary>Length of it all, in bytes; null while the server has not said it.</summary>
        public long? Total { get; }
    }

    /// <summary>A failure that will be tried again.</summary>
    public sealed class RetryEvent
    {
        internal RetryEvent(BitsException cause, uint attempt, TimeSpan delay)
        {
            Cause = cause;
            Attempt = attempt;
            Delay = delay;
        }

        /// <summary>Why the request failed.</summary>
        public BitsException Cause { get; }

        /// <summary>The number of failures in a row, from 1.</summary>
        public long Attempt { get; }

        /// <summary>How long to wait before the next try; may be changed.</summary>
        public TimeSpan Delay { get; set; }
    }
}
