using System;

namespace Bitsup
{
    /// <summary>
    /// An upload, as passed to a hook. It can be used on any thread until the hook returns; afterwards its members throw
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public sealed class BitsUpload
    {
        private readonly CallbackScope scope;

        internal BitsUpload(CallbackScope scope) => this.scope = scope;

        /// <summary>The packet that caused the call of the hook.</summary>
        public BitsPacketType PacketType => (BitsPacketType)Native.bitsup_upload_packet(Upload);

        /// <summary>
        /// The session id; null before there is a session. In <see cref="BitsHooks.OnRequest"/> it is what the client
        /// claims and has not been checked.
        /// </summary>
        public string? SessionId => Call.BorrowedString(Native.bitsup_upload_session_id(Upload));

        /// <summary>Path and query of the upload's URL when the session was created, including the mount point.</summary>
        public string Target => Call.BorrowedString(Native.bitsup_upload_target(Upload)) ?? "";

        /// <summary>
        /// The absolute URL of the upload, or only path and query if there is neither a public URL nor a Host
        /// header. In <see cref="BitsHooks.OnRequest"/> it is the URL of the request.
        /// </summary>
        public string Url => Call.BorrowedString(Native.bitsup_upload_url(Upload)) ?? "";

        /// <summary>The address of the client; null if it is not known.</summary>
        public string? Peer => Call.BorrowedString(Native.bitsup_upload_peer(Upload));

        /// <summary>The authenticated user, or the owner that a hook set; null if there is none.</summary>
        public string? Owner => Call.BorrowedString(Native.bitsup_upload_owner(Upload));

        /// <summary>Reads from the received data of a complete upload, from any kind of store.</summary>
        /// <param name="offset">Where to start.</param>
        /// <param name="buffer">The buffer to fill.</param>
        /// <returns>The number of bytes read; 0 at the end.</returns>
        /// <exception cref="BitsException">
        /// <see cref="BitsStatus.InvalidState"/> if the upload is not complete, or an error of the store.
        /// </exception>
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

        /// <summary>The file name that the client sent; null if there is none. It must not be used as a path.</summary>
        public string? ContentName => Call.BorrowedString(Native.bitsup_upload_content_name(Upload));

        /// <summary>
        /// The path of the received file, for reading only; do not move it. Null outside
        /// <see cref="BitsHooks.OnReceived"/>, and for stores without files.
        /// </summary>
        public string? DataPath => Call.BorrowedString(Native.bitsup_upload_data_path(Upload));

        /// <summary>
        /// A path where a reply may be written, to be passed to <see cref="BitsVerdict.SetReplyPath"/>. Null outside
        /// <see cref="BitsHooks.OnReceived"/>, and for stores without files.
        /// </summary>
        public string? ReplyPath => Call.BorrowedString(Native.bitsup_upload_reply_path(Upload));

        /// <summary>The number of bytes received so far.</summary>
        public long Received => (long)Native.bitsup_upload_received(Upload);

        /// <summary>Length of the whole file in bytes; null if it is not known yet.</summary>
        public long? Total => Call.Length(Native.bitsup_upload_total(Upload));

        private IntPtr Upload => this.scope.Upload;

        /// <summary>Returns the first header field with the given name in the packet.</summary>
        /// <param name="name">The name; case is ignored.</param>
        /// <returns>The value; null if there is none or if it is not valid UTF-8.</returns>
        public string? Header(string name) =>
            Call.BorrowedString(Native.bitsup_upload_header(Upload, Call.Text(name, nameof(name))));
    }

    /// <summary>
    /// The decision of a hook. By default: continue, keep the file, send no reply. It can be used until the hook returns.
    /// </summary>
    public sealed class BitsVerdict
    {
        private readonly CallbackScope scope;

        internal BitsVerdict(CallbackScope scope) => this.scope = scope;

        private IntPtr Verdict => this.scope.Verdict;

        /// <summary>
        /// Refuses the packet with the given status. 403 is final. After any other status, the client retries a complete
        /// upload, and <see cref="BitsHooks.OnReceived"/> is called again.
        /// </summary>
        /// <param name="httpStatus">From 300 to 599.</param>
        /// <param name="hresult">The BITS error code; 0 for the default of the status.</param>
        /// <param name="context">The source of the error.</param>
        public void Reject(
            int httpStatus, uint hresult = 0, BitsErrorContext context = BitsErrorContext.Application)
        {
            ushort status = httpStatus >= 300 && httpStatus <= 599
                ? (ushort)httpStatus
                : throw new ArgumentOutOfRangeException(nameof(httpStatus), httpStatus, "The value must be from 300 to 599.");
            Call.Check(Native.bitsup_verdict_reject(Verdict, status, hresult, (uint)context, out IntPtr error), error);
        }

        /// <summary>Refuses the packet with 401 and requests credentials.</summary>
        /// <param name="challenge">The value of WWW-Authenticate: <c>Basic realm="uploads"</c>.</param>
        public void Challenge(string challenge) => Call.Check(
            Native.bitsup_verdict_challenge(Verdict, Call.Text(challenge, nameof(challenge)), out IntPtr error), error);

        /// <summary>
        /// Sets the user, in <see cref="BitsHooks.OnRequest"/>. A session can be used only by the owner who created it.
        /// </summary>
        /// <param name="owner">The user.</param>
        public void SetOwner(string owner) =>
            Call.Check(Native.bitsup_verdict_set_owner(Verdict, Call.Text(owner, nameof(owner)), out IntPtr error), error);

        /// <summary>
        /// Sets the destination of the file, in <see cref="BitsHooks.OnCreate"/> or <see cref="BitsHooks.OnReceived"/>.
        /// </summary>
        /// <param name="path">
        /// A path relative to the root of the store with slashes as separators, not URL-encoded: "folder/file.txt".
        /// </param>
        public void SetDestination(string path) =>
            Call.Check(Native.bitsup_verdict_set_destination(Verdict, Call.Text(path, nameof(path)), out IntPtr error), error);

        /// <summary>
        /// Sets whether the file is moved to its destination or discarded, in <see cref="BitsHooks.OnReceived"/>.
        /// </summary>
        /// <param name="keep">True, the default, to keep the file.</param>
        public void SetKeepFile(bool keep) =>
            Call.Check(Native.bitsup_verdict_set_keep_file(Verdict, keep ? 1 : 0, out IntPtr error), error);

        /// <summary>
        /// Sets the reply to the content of a URL on another server, in <see cref="BitsHooks.OnReceived"/>. Replaces any
        /// other reply.
        /// </summary>
        /// <param name="url">An absolute URL of at most 2200 characters.</param>
        public void SetReplyUrl(string url) =>
            Call.Check(Native.bitsup_verdict_set_reply_url(Verdict, Call.Text(url, nameof(url)), out IntPtr error), error);

        /// <summary>
        /// Sets the reply to the content of a file, which the store moves when the hook has returned, in
        /// <see cref="BitsHooks.OnReceived"/>. Replaces any other reply.
        /// </summary>
        /// <param name="path">The file.</param>
        public void SetReplyPath(string path) =>
            Call.Check(Native.bitsup_verdict_set_reply_path(Verdict, Call.Text(path, nameof(path)), out IntPtr error), error);

        /// <summary>Sets the reply, in <see cref="BitsHooks.OnReceived"/>. Replaces any other reply.</summary>
        /// <param name="content">The content; an empty array is an empty reply.</param>
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

    /// <summary>The native pointers passed to a hook, which are invalid once the hook has returned.</summary>
    internal sealed class CallbackScope : IDisposable
    {
        private readonly IntPtr upload;
        private readonly IntPtr verdict;
        private volatile bool ended;

        public CallbackScope(IntPtr upload, IntPtr verdict) => (this.upload, this.verdict) = (upload, verdict);

        public IntPtr Upload => Checked(this.upload, nameof(BitsUpload));

        public IntPtr Verdict => Checked(this.verdict, nameof(BitsVerdict));

        public void Dispose() => this.ended = true;

        private IntPtr Checked(IntPtr address, string name) =>
            this.ended ? throw new ObjectDisposedException(name, "The object can only be used until the hook returns.") : address;
    }
}
