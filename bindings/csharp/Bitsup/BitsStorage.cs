using System;
using System.Collections.Generic;
using System.Linq;

namespace Bitsup
{
    /// <summary>
    /// The base class of custom stores, such as a database or an object store. A store keeps, for each session, a record
    /// and two parts: the received data and the reply. <see cref="BitsStore.FromStorage"/> creates a store from it.
    /// </summary>
    /// <remarks>
    /// Calls are independent of each other. They are made on threads of the server, concurrently for different sessions and
    /// one at a time for the same session, except <see cref="GetLength"/> and <see cref="Read"/>, which may be called at
    /// any time. They must not call an engine or a server. The exception that a method throws determines the response to
    /// the client: <see cref="System.IO.FileNotFoundException"/>, <see cref="System.IO.DirectoryNotFoundException"/> and
    /// <see cref="KeyNotFoundException"/> result in 404, <see cref="UnauthorizedAccessException"/> in 403. For a
    /// <see cref="BitsException"/> its status decides: <see cref="BitsStatus.NotFound"/> is 404,
    /// <see cref="BitsStatus.Denied"/> is 403, and <see cref="BitsStatus.NoSpace"/> is 500 with HRESULT 0x80070070 (disk
    /// full). If <see cref="GetLength"/> does not find the data of a session, the session is removed, and a client that sends a
    /// fragment starts again. Any other exception results in 500 and is passed to <see cref="OnException"/>.
    /// </remarks>
    public abstract class BitsStorage
    {
        /// <summary>
        /// Called with an exception that does not map to a status. If it is null, the exception is thrown by the call on
        /// your thread that led to it; on a thread of a server it goes to <see cref="System.Diagnostics.Trace"/>.
        /// </summary>
        public Action<Exception>? OnException { get; set; }

        /// <summary>Creates a session with a record and empty data. An existing session with the same id is replaced.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="record">The record, which is opaque to the store.</param>
        public abstract void Create(string sessionId, byte[] record);

        /// <summary>Returns the length of a part.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="part">The data or the reply.</param>
        /// <returns>The length in bytes; null if the part does not exist.</returns>
        public abstract long? GetLength(string sessionId, StoragePart part);

        /// <summary>Appends to a part. With offset 0 the reply is created; its length may be 0.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="part">The data or the reply.</param>
        /// <param name="offset">The current length of the part.</param>
        /// <param name="data">The bytes to append.</param>
        public abstract void Write(string sessionId, StoragePart part, long offset, byte[] data);

        /// <summary>Reads from a part.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="part">The data or the reply.</param>
        /// <param name="offset">Where to start.</param>
        /// <param name="buffer">The buffer to fill.</param>
        /// <returns>The number of bytes read; 0 only at the end.</returns>
        public abstract int Read(string sessionId, StoragePart part, long offset, byte[] buffer);

        /// <summary>
        /// Moves the data to its destination atomically, saves the record, and removes the data from the session. It may be
        /// called again after a crash and must then finish the work; it succeeds if the data was already moved.
        /// </summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="destination">A path with slashes as separators: "folder/file.txt".</param>
        /// <param name="overwrite">
        /// Whether to replace an existing file; if false, throw <see cref="UnauthorizedAccessException"/>.
        /// </param>
        /// <param name="record">The record to save.</param>
        public abstract void Commit(string sessionId, string destination, bool overwrite, byte[] record);

        /// <summary>
        /// Removes the reply or the whole session, but not a delivered file. Succeeds if there is nothing to remove.
        /// </summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="part">The reply, or all parts.</param>
        public abstract void Remove(string sessionId, StoragePart part);

        /// <summary>Replaces the record of a session. Required if <see cref="List"/> is implemented.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="record">The record to save.</param>
        public virtual void Save(string sessionId, byte[] record)
        {
        }

        /// <summary>
        /// Lists the sessions left by a previous process. If it is not implemented, sessions end with the process.
        /// </summary>
        /// <returns>All sessions.</returns>
        public virtual IEnumerable<StoredSession> List() => Enumerable.Empty<StoredSession>();

        /// <summary>Makes written data survive a crash of the process. Called before the data is acknowledged.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="part">The data or the reply.</param>
        public virtual void Flush(string sessionId, StoragePart part)
        {
        }

        /// <summary>
        /// Checks a destination, so that a session whose file could not be delivered is rejected at its start.
        /// </summary>
        /// <param name="destination">A path with slashes as separators.</param>
        /// <returns>What exists at the destination.</returns>
        public virtual DestinationState GetDestinationState(string destination) => DestinationState.Available;
    }

    /// <summary>The parts of a session in a store.</summary>
    public enum StoragePart
    {
        /// <summary>All parts and the record.</summary>
        All = Native.BITSUP_PART_ALL,

        /// <summary>The received bytes.</summary>
        Data = Native.BITSUP_PART_DATA,

        /// <summary>The reply.</summary>
        Reply = Native.BITSUP_PART_REPLY,
    }

    /// <summary>What exists at a destination.</summary>
    public enum DestinationState
    {
        /// <summary>Nothing; a file can be created.</summary>
        Available = Native.BITSUP_DESTINATION_FREE,

        /// <summary>A file.</summary>
        File = Native.BITSUP_DESTINATION_FILE,

        /// <summary>A directory, or anything else that a file cannot replace.</summary>
        Directory = Native.BITSUP_DESTINATION_FOLDER,

        /// <summary>Nothing, and its directory does not exist.</summary>
        NoDirectory = Native.BITSUP_DESTINATION_NO_FOLDER,
    }

    /// <summary>A session that a previous process left in a store.</summary>
    public sealed class StoredSession
    {
        /// <summary>Initializes a session.</summary>
        /// <param name="sessionId">The session id.</param>
        /// <param name="record">The most recently saved record.</param>
        /// <param name="modified">When a part was last written; null if not known.</param>
        public StoredSession(string sessionId, byte[] record, DateTimeOffset? modified = null)
        {
            SessionId = sessionId ?? throw new ArgumentNullException(nameof(sessionId));
            Record = record ?? throw new ArgumentNullException(nameof(record));
            Modified = modified;
        }

        /// <summary>The session id.</summary>
        public string SessionId { get; }

        /// <summary>The most recently saved record.</summary>
        public byte[] Record { get; }

        /// <summary>When a part was last written; null if not known.</summary>
        public DateTimeOffset? Modified { get; }
    }
}
