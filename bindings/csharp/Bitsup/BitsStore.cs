using System;

namespace Bitsup
{
    /// <summary>Stores the data that an engine receives. A store can be used by one engine only.</summary>
    public sealed class BitsStore : IDisposable
    {
        private BitsStore(StoreHandle handle) => Handle = handle;

        internal StoreHandle Handle { get; }

        /// <summary>
        /// Opens a store that keeps files below a directory, and unfinished uploads in its subdirectory ".bitsup". The
        /// directory is locked until the store is freed.
        /// </summary>
        /// <param name="root">An existing directory.</param>
        /// <param name="durability">What survives a power failure. A crash of the process loses nothing in any case.</param>
        /// <param name="shared">
        /// Whether other processes, such as the servers of a server farm, may use the directory at the same time. All
        /// must set it.
        /// </param>
        /// <returns>The store.</returns>
        /// <exception cref="BitsException">The directory cannot be used.</exception>
        public static BitsStore OpenDirectory(string root, Durability durability = Durability.File, bool shared = false)
        {
            int status = Native.bitsup_store_new_dir(
                Call.Text(root, nameof(root)), (int)durability, shared ? 1 : 0, out StoreHandle handle, out IntPtr error);
            Call.Check(status, error);
            return new BitsStore(handle);
        }

        /// <summary>
        /// Creates a store that keeps files and unfinished uploads in memory, without directories, until it is freed. For
        /// tests, and for small uploads that hooks read with <see cref="BitsUpload.Read"/>.
        /// </summary>
        /// <param name="maxBytes">Maximum total size in bytes.</param>
        /// <returns>The store.</returns>
        public static BitsStore InMemory(long maxBytes)
        {
            ulong most = Call.Count(maxBytes, nameof(maxBytes));
            Call.Check(Native.bitsup_store_new_memory(most, out StoreHandle handle, out IntPtr error), error);
            return new BitsStore(handle);
        }

        /// <summary>Creates a store from a custom implementation.</summary>
        /// <param name="storage">The implementation.</param>
        /// <returns>The store.</returns>
        public static BitsStore FromStorage(BitsStorage storage) =>
            new BitsStore(StorageCallbacks.NewStore(storage ?? throw new ArgumentNullException(nameof(storage))));

        /// <summary>Frees the store. An engine that uses it keeps it alive.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
