using System;

namespace Bitsup
{
    /// <summary>Where an engine keeps what it receives. One store serves one engine.</summary>
    public sealed class BitsStore : IDisposable
    {
        private BitsStore(StoreHandle handle) => Handle = handle;

        internal StoreHandle Handle { get; }

        /// <summary>
        /// Files below a directory, and unfinished uploads in its subdirectory ".bitsup". The directory is locked until the
        /// store is gone.
        /// </summary>
        /// <param name="root">The directory, which must exist.</param>
        /// <param name="durability">What survives a loss of power; a crash of the process loses nothing in any case.</param>
        /// <param name="shared">Whether other processes, the servers of a farm, may have it at the same time, all of them shared.</param>
        /// <returns>The store.</returns>
        /// <exception cref="BitsException">The directory cannot be had.</exception>
        public static BitsStore OpenDirectory(string root, Durability durability = Durability.File, bool shared = false)
        {
            int status = Native.bitsup_store_new_dir(
                Call.Text(root, nameof(root)), (int)durability, shared ? 1 : 0, out StoreHandle handle, out IntPtr error);
            Call.Check(status, error);
            return new BitsStore(handle);
        }

        /// <summary>
        /// Files and unfinished uploads in memory; they are gone with the store. For tests, and for small uploads that hooks
        /// take over by <see cref="BitsUpload.Read"/>. There are no folders.
        /// </summary>
        /// <param name="maxBytes">Most bytes in all.</param>
        /// <returns>The store.</returns>
        public static BitsStore InMemory(long maxBytes)
        {
            ulong most = Call.Count(maxBytes, nameof(maxBytes));
            Call.Check(Native.bitsup_store_new_memory(most, out StoreHandle handle, out IntPtr error), error);
            return new BitsStore(handle);
        }

        /// <summary>A store of your own.</summary>
        /// <param name="content">What it is made of.</param>
        /// <returns>The store.</returns>
        public static BitsStore Over(BitsStorage content) =>
            new BitsStore(StorageCallbacks.NewStore(content ?? throw new ArgumentNullException(nameof(content))));

        /// <summary>Frees the store; an engine over it lives on.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
