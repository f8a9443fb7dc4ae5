using System;
using System.Collections.Generic;
using System.Linq;

namespace Bitsup
{
    /// <summary>
    /// A place of your own for what an engine receives: a database, an object store, an encrypted disk. Keeps, per session, a
    /// record and two parts, the data and the reply to them; <see cref="BitsStore.Over"/> makes a store of it.
    /// </summary>
    /// <remarks>
    /// Calls have no state between them. They come on the threads of the server, at the same time for different sessions, one
    /// after the other for one session, but for <see cref="Stat"/> and <see cref="Read"/>, which come at any time. They must
    /// not call an engine or a server. What a method throws decides about the answer to the client:
    /// <see cref="System.IO.FileNotFoundException"/>, <see cref="System.IO.DirectoryNotFoundException"/> and
    /// <see cref="KeyNotFoundException"/> are 404, <see cref="UnauthorizedAccessException"/> 403, a
    /// <see cref="BitsException"/> has its status: <see cref="BitsStatus.NotFound"/> and <see cref="BitsStatus.Denied"/> are
    /// the same, and <see cref="BitsStatus.NoSpace"/> is 500 with 0x80070070, by which clients know a full disk. Anything
    /// else is 500, and goes to <see cref="OnException"/>.
    /// </remarks>
    public abstract class BitsStorage
    {
        /// <summary>
        /// Gets what a method threw that has no status of its own. Where none is set, a call of yours around it throws it, and
        /// on a thread of a server it goes to <see cref="System.Diagnostics.Trace"/>.
        /// </summary>
        public Action<Exception>? OnException { get; set; }

        /// <summary>From now on there is this record, and data of no bytes; a session of that id is replaced.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="record">Text that means nothing to a store.</param>
        public abstract void Create(string sessionId, byte[] record);

        /// <summary>The length of a part.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="part">Data or reply.</param>
        /// <returns>Bytes; null when there is no such part.</returns>
        public abstract long? Stat(string sessionId, StoredPart part);

        /// <summary>Appends to a part; at 0 a reply is made, perhaps of no bytes.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="part">Data or reply.</param>
        /// <param name="offset">How long the part is.</param>
        /// <param name="data">What to append.</param>
        public abstract void Write(string sessionId, StoredPart part, long offset, byte[] data);

        /// <summary>Reads some of a part.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="part">Data or reply.</param>
        /// <param name="offset">Where to begin.</param>
        /// <param name="buffer">Where to put it.</param>
        /// <returns>How many bytes; 0 at the end only.</returns>
        public abstract int Read(string sessionId, StoredPart part, long offset, byte[] buffer);

        /// <summary>
        /// Puts the data at a destination, whole or not at all, keeps the record, and gives the data up. It may be called
        /// again, and then finds what it did before; data that it gave up already is success.
        /// </summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="destination">A path with slashes: "folder/file.txt".</param>
        /// <param name="overwrite">Whether a file there is replaced; else <see cref="UnauthorizedAccessException"/>.</param>
        /// <param name="record">The record to keep.</param>
        public abstract void Commit(string sessionId, string destination, bool overwrite, byte[] record);

        /// <summary>Removes the reply, or the session, but no delivered file. Nothing to remove is success.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="part">The reply, or all.</param>
        public abstract void Remove(string sessionId, StoredPart part);

        /// <summary>Replaces a record. Needed where <see cref="List"/> is.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="record">The record to keep.</param>
        public virtual void Save(string sessionId, byte[] record)
        {
        }

        /// <summary>The sessions that a former process left. Without it sessions end with the process.</summary>
        /// <returns>All of them.</returns>
        public virtual IEnumerable<StoredSession> List() => Enumerable.Empty<StoredSession>();

        /// <summary>What was written is about to be acknowledged: now it must outlive a crash of the process.</summary>
        /// <param name="sessionId">The session.</param>
        /// <param name="part">Data or reply.</param>
        public virtual void Flush(string sessionId, StoredPart part)
        {
        }

        /// <summary>Tells what is at a destination, so that a session that could not end well does not begin.</summary>
        /// <param name="destination">A path with slashes.</param>
        /// <returns>What is there.</returns>
        public virtual StoredPlace Place(string destination) => StoredPlace.Free;
    }

    /// <summary>What a session has in a store.</summary>
    public enum StoredPart
    {
        /// <summary>All of it.</summary>
        All = Native.BITSUP_PART_ALL,

        /// <summary>The received bytes.</summary>
        Data = Native.BITSUP_PART_DATA,

        /// <summary>The reply to them.</summary>
        Reply = Native.BITSUP_PART_REPLY,
    }

    /// <summary>What is at a destination.</summary>
    public enum StoredPlace
    {
        /// <summary>Nothing; a file can go there.</summary>
        Free = Native.BITSUP_PLACE_FREE,

        /// <summary>A file.</summary>
        File = Native.BITSUP_PLACE_FILE,

        /// <summary>A folder, or what else no file can replace.</summary>
        Folder = Native.BITSUP_PLACE_FOLDER,

        /// <summary>Nothing, and no folder that could hold it.</summary>
        NoFolder = Native.BITSUP_PLACE_NO_FOLDER,
    }

    /// <summary>A session that a former process left in a store.</summary>
    public sealed class StoredSession
    {
        /// <summary>A session.</summary>
        /// <param name="sessionId">Its id.</param>
        /// <param name="record">The record that was kept last.</param>
        /// <param name="modified">When a part was last written; null: not known.</param>
        public StoredSession(string sessionId, byte[] record, DateTimeOffset? modified = null)
        {
            SessionId = sessionId ?? throw new ArgumentNullException(nameof(sessionId));
            Record = record ?? throw new ArgumentNullException(nameof(record));
            Modified = modified;
        }

        /// <summary>Its id.</summary>
        public string SessionId { get; }

        /// <summary>The record that was kept last.</summary>
        public byte[] Record { get; }

        /// <summary>When a part was last written; null: not known.</summary>
        public DateTimeOffset? Modified { get; }
    }
}
