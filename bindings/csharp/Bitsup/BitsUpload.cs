using System;

namespace Bitsup
{
    /// <summary>
    /// An upload, as a hook sees it. It is good, on any thread, until the hook returns; whoever asks it later gets an
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public sealed class BitsUpload
    {
        private readonly Loan loan;

        internal BitsUpload(Loan loan) => this.loan = loan;

        /// <summary>What led to the hook.</summary>
        public BitsPacket Packet => (BitsPacket)Native.bitsup_upload_packet(Upload);

        /// <summary>
        /// The session, as the client names it; null before there is one. In a hook for requests it is only what the request
        /// claims.
        /// </summary>
        public string? SessionId => Call.Lent(Native.bitsup_upload_session_id(Upload));

        /// <summary>Path and query of the remote name, as the session was made with, the mount point included.</summary>
        public string Target => Call.Lent(Native.bitsup_upload_target(Upload)) ?? "";

        /// <summary>
        /// The absolute URL of the remote name, as far as it is known: without public URL and Host it begins with the path. In
        /// a hook for requests that of the request itself.
        /// </summary>
        public string Url => Call.Lent(Native.bitsup_upload_url(Upload)) ?? "";

        /// <summary>The address of the client; null when it is not known.</summary>
        public string? Peer => Call.Lent(Native.bitsup_upload_peer(Upload));

        /// <summary>The authenticated user, or whom a hook named; null when there is none.</summary>
        public string? Owner => Call.Lent(Native.bitsup_upload_owner(Upload));

        /// <summary>Reads some of the received bytes, whatever the store is, once the upload is complete.</summary>
        /// <param name="offset">Where to begin.</param>
        /// <param name="buffer">Where to put them.</param>
        /// <returns>How many bytes; 0 at the end.</returns>
        /// <exception cref="BitsException"><see cref="BitsStatus.InvalidState"/>: the hook has no complete upload; the store failed.</exception>
        public int Read(long offset, byte[] buffer)
        {
            if (buffer is null)
            {
                throw new ArgumentNullException(nameof(buffer));
            }

            int status = Native.bitsup_upload_read(
                Upload, Call.Count(offset, nameof(offset)), buffer, (UIntPtr)buffer.Length, out UIntPtr read, out IntPtr error);
            Call.Check(status, error);
            return (int)read;
        }

        /// <summary>The name that the client gives the file; null when the packet has none. It is no path to write to.</summary>
        public string? ContentName => Call.Lent(Native.bitsup_upload_content_name(Upload));

        /// <summary>
        /// Where the received file lies on this machine: to be read, and left there. Null but in a hook for received files, and
        /// for stores without files.
        /// </summary>
        public string? DataPath => Call.Lent(Native.bitsup_upload_data_path(Upload));

        /// <summary>
        /// Where a reply may be written, to be named to <see cref="BitsVerdict.SetReplyPath"/>. Null but in a hook for received
        /// files, and for stores without files.
        /// </summary>
        public string? ReplyPath => Call.Lent(Native.bitsup_upload_reply_path(Upload));

        /// <summary>How many bytes the session holds.</summary>
        public long Received => (long)Native.bitsup_upload_received(Upload);

        /// <summary>Length of the whole file in bytes; null while it is not known.</summary>
        public long? Total => Call.Length(Native.bitsup_upload_total(Upload));

        private IntPtr Upload => this.loan.Upload;

        /// <summary>The first header field of that name in the packet.</summary>
        /// <param name="name">The name, in any case.</param>
        /// <returns>Its value; null when there is none or it is no UTF-8.</returns>
        public string? Header(string name) =>
            Call.Lent(Native.bitsup_upload_header(Upload, Call.Text(name, nameof(name))));
    }

    /// <summary>
    /// What a hook decides. Untouched, it means: go on; keep the file; no reply. It is good until the hook returns.
    /// </summary>
    public sealed class BitsVerdict
    {
        private readonly Loan loan;

        internal BitsVerdict(Loan loan) => this.loan = loan;

        private IntPtr Verdict => this.loan.Verdict;

        /// <summary>
        /// Refuses: the packet is answered with these. 403 is final; after any other status the client of a complete upload
        /// tries again, and the hook for received files is called again.
        /// </summary>
        /// <param name="httpStatus">From 300 to 599.</param>
        /// <param name="hresult">0 for that of the status.</param>
        /// <param name="context">Who refuses.</param>
        public void Reject(
            int httpStatus, uint hresult = 0, BitsErrorContext context = BitsErrorContext.Application)
        {
            ushort status = httpStatus >= 300 && httpStatus <= 599
                ? (ushort)httpStatus
                : throw new ArgumentOutOfRangeException(nameof(httpStatus), httpStatus, "It must be from 300 to 599.");
            Call.Check(Native.bitsup_verdict_reject(Verdict, status, hresult, (uint)context, out IntPtr error), error);
        }

        /// <summary>Refuses with 401, and asks for credentials.</summary>
        /// <param name="challenge">By which scheme: <c>Basic realm="uploads"</c>.</param>
        public void Challenge(string challenge) => Call.Check(
            Native.bitsup_verdict_challenge(Verdict, Call.Text(challenge, nameof(challenge)), out IntPtr error), error);

        /// <summary>
        /// Names the user, in a hook for requests. Sessions belong to whoever made them, and nobody else may use them.
        /// </summary>
        /// <param name="owner">The user.</param>
        public void SetOwner(string owner) =>
            Call.Check(Native.bitsup_verdict_set_owner(Verdict, Call.Text(owner, nameof(owner)), out IntPtr error), error);

        /// <summary>Chooses where the file goes, in a hook for new sessions or for received files.</summary>
        /// <param name="path">A path below the root of the store with slashes, not encoded: "folder/file.txt".</param>
        public void SetDestination(string path) =>
            Call.Check(Native.bitsup_verdict_set_destination(Verdict, Call.Text(path, nameof(path)), out IntPtr error), error);

        /// <summary>Whether the file goes to its destination or is dropped, in a hook for received files.</summary>
        /// <param name="keep">True is the default.</param>
        public void SetKeepFile(bool keep) =>
            Call.Check(Native.bitsup_verdict_set_keep_file(Verdict, keep ? 1 : 0, out IntPtr error), error);

        /// <summary>
        /// Replies with what is at a URL of another server, in a hook for received files. Takes the place of another reply.
        /// </summary>
        /// <param name="url">An absolute URL of at most 2200 characters.</param>
        public void SetReplyUrl(string url) =>
            Call.Check(Native.bitsup_verdict_set_reply_url(Verdict, Call.Text(url, nameof(url)), out IntPtr error), error);

        /// <summary>
        /// Replies with the content of a file, when the hook has returned, in a hook for received files. The file is taken over.
        /// Takes the place of another reply.
        /// </summary>
        /// <param name="path">The file.</param>
        public void SetReplyPath(string path) =>
            Call.Check(Native.bitsup_verdict_set_reply_path(Verdict, Call.Text(path, nameof(path)), out IntPtr error), error);

        /// <summary>Replies with bytes, in a hook for received files. Takes the place of another reply.</summary>
        /// <param name="content">The bytes; an empty reply is one, too.</param>
        public void SetReply(byte[] content)
        {
            if (content is null)
            {
                throw new ArgumentNullException(nameof(content));
            }

            int status = Native.bitsup_verdict_set_reply_bytes(Verdict, content, (UIntPtr)content.Length, out IntPtr error);
            Call.Check(status, error);
        }
    }

    /// <summary>What C lends to a hook. Taken back when that returns, so nobody reaches it afterwards.</summary>
    internal sealed class Loan : IDisposable
    {
        private readonly IntPtr upload;
        private readonly IntPtr verdict;
        private volatile bool over;

        public Loan(IntPtr upload, IntPtr verdict) => (this.upload, this.verdict) = (upload, verdict);

        public IntPtr Upload => Lent(this.upload, nameof(BitsUpload));

        public IntPtr Verdict => Lent(this.verdict, nameof(BitsVerdict));

        public void Dispose() => this.over = true;

        private IntPtr Lent(IntPtr address, string name) =>
            this.over ? throw new ObjectDisposedException(name, "It is good until the hook returns.") : address;
    }
}
