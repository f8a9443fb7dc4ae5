using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Bitsup.Embedded
{
    /// <summary>
    /// A custom store in files with the same layout as the library's directory store, so that tests can inspect it: a folder
    /// for each session, with its record and its parts, and the delivered files below the root.
    /// </summary>
    internal sealed class FileStorage : BitsStorage
    {
        private const string SessionsFolder = ".bitsup";

        private readonly string root;

        public FileStorage(string root)
        {
            this.root = root;
            Directory.CreateDirectory(Path.Combine(root, SessionsFolder));
        }

        public override void Create(string sessionId, byte[] record)
        {
            Remove(sessionId, StoragePart.All);
            Directory.CreateDirectory(SessionPath(sessionId));
            File.WriteAllBytes(PartPath(sessionId, StoragePart.Data), Array.Empty<byte>());
            Save(sessionId, record);
        }

        /// <summary>Writes a new file and renames it, so that the record is replaced atomically.</summary>
        public override void Save(string sessionId, byte[] record)
        {
            File.WriteAllBytes(RecordPath(sessionId) + ".new", record);
            File.Move(RecordPath(sessionId) + ".new", RecordPath(sessionId), overwrite: true);
        }

        public override IEnumerable<StoredSession> List() =>
            from folder in Directory.EnumerateDirectories(Path.Combine(this.root, SessionsFolder))
            let id = Path.GetFileName(folder)
            where File.Exists(RecordPath(id))
            select new StoredSession(id, File.ReadAllBytes(RecordPath(id)));

        public override long? GetLength(string sessionId, StoragePart part)
        {
            var file = new FileInfo(PartPath(sessionId, part));
            return file.Exists ? file.Length : (long?)null;
        }

        public override void Write(string sessionId, StoragePart part, long offset, byte[] data)
        {
            FileMode mode = part == StoragePart.Reply && offset == 0 ? FileMode.Create : FileMode.Open;
            using FileStream file = Open(sessionId, part, mode, FileAccess.Write);
            if (file.Length != offset)
            {
                throw new BitsException(BitsStatus.InvalidState, $"{file.Name} has {file.Length} bytes, not {offset}");
            }

            file.Position = offset;
            file.Write(data);
        }

        public override int Read(string sessionId, StoragePart part, long offset, byte[] buffer)
        {
            using FileStream file = Open(sessionId, part, FileMode.Open, FileAccess.Read);
            file.Position = offset;
            return file.Read(buffer);
        }

        /// <summary>
        /// One rename delivers the data and removes it from the session; after a crash only the record may be outdated.
        /// </summary>
        public override void Commit(string sessionId, string destination, bool overwrite, byte[] record)
        {
            string data = PartPath(sessionId, StoragePart.Data);
            if (File.Exists(data))
            {
                DestinationState state = GetDestinationState(destination);
                if (state != DestinationState.Available && !(state == DestinationState.File && overwrite))
                {
                    throw new UnauthorizedAccessException($"{destination} already exists");
                }

                File.Move(data, Path.Combine(this.root, destination), overwrite);
            }

            Save(sessionId, record);
        }

        public override void Remove(string sessionId, StoragePart part)
        {
            string folder = SessionPath(sessionId);
            if (part == StoragePart.All && Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
            else if (Directory.Exists(folder))
            {
                File.Delete(PartPath(sessionId, part));
            }
        }

        public override DestinationState GetDestinationState(string destination)
        {
            string path = Path.Combine(this.root, destination);
            return Directory.Exists(path) ? DestinationState.Directory
                : File.Exists(path) ? DestinationState.File
                : Directory.Exists(Path.GetDirectoryName(path)) ? DestinationState.Available
                : DestinationState.NoDirectory;
        }

        private string SessionPath(string sessionId) => Path.Combine(this.root, SessionsFolder, sessionId);

        private string RecordPath(string sessionId) => Path.Combine(SessionPath(sessionId), "record");

        private string PartPath(string sessionId, StoragePart part) =>
            Path.Combine(SessionPath(sessionId), part == StoragePart.Data ? "data" : "reply");

        /// <summary>Opens a file and lets other readers open it, too.</summary>
        private FileStream Open(string sessionId, StoragePart part, FileMode mode, FileAccess access) =>
            new FileStream(PartPath(sessionId, part), mode, access, FileShare.ReadWrite | FileShare.Delete);
    }
}
