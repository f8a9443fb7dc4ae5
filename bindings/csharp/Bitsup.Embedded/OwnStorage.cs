using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Bitsup.Embedded
{
    /// <summary>
    /// A store of the program's own, in files, as the tests look at them: a folder for each session where a directory store of
    /// the library has it, with its record and its parts, and what is delivered below the root.
    /// </summary>
    internal sealed class OwnStorage : BitsStorage
    {
        private const string Hidden = ".bitsup";

        private readonly string root;

        public OwnStorage(string root)
        {
            this.root = root;
            Directory.CreateDirectory(Path.Combine(root, Hidden));
        }

        public override void Create(string sessionId, byte[] record)
        {
            Remove(sessionId, StoragePart.All);
            Directory.CreateDirectory(Folder(sessionId));
            File.WriteAllBytes(Of(sessionId, StoragePart.Data), Array.Empty<byte>());
            Save(sessionId, record);
        }

        /// <summary>By way of a new file, for the record to be replaced whole or not at all.</summary>
        public override void Save(string sessionId, byte[] record)
        {
            File.WriteAllBytes(Record(sessionId) + ".new", record);
            File.Move(Record(sessionId) + ".new", Record(sessionId), overwrite: true);
        }

        public override IEnumerable<StoredSession> List() =>
            from folder in Directory.EnumerateDirectories(Path.Combine(this.root, Hidden))
            let id = Path.GetFileName(folder)
            where File.Exists(Record(id))
            select new StoredSession(id, File.ReadAllBytes(Record(id)));

        public override long? GetLength(string sessionId, StoragePart part)
        {
            var file = new FileInfo(Of(sessionId, part));
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

        /// <summary>The move delivers the data and gives it up at once; only the record may still be missing after a crash.</summary>
        public override void Commit(string sessionId, string destination, bool overwrite, byte[] record)
        {
            string data = Of(sessionId, StoragePart.Data);
            if (File.Exists(data))
            {
                DestinationState place = Place(destination);
                if (place != DestinationState.Available && !(place == DestinationState.File && overwrite))
                {
                    throw new UnauthorizedAccessException($"{destination} is not free");
                }

                File.Move(data, Path.Combine(this.root, destination), overwrite);
            }

            Save(sessionId, record);
        }

        public override void Remove(string sessionId, StoragePart part)
        {
            string folder = Folder(sessionId);
            if (part == StoragePart.All && Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
            else if (Directory.Exists(folder))
            {
                File.Delete(Of(sessionId, part));
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

        private string Folder(string sessionId) => Path.Combine(this.root, Hidden, sessionId);

        private string Record(string sessionId) => Path.Combine(Folder(sessionId), "record");

        private string Of(string sessionId, StoragePart part) =>
            Path.Combine(Folder(sessionId), part == StoragePart.Data ? "data" : "reply");

        /// <summary>Others may read meanwhile.</summary>
        private FileStream Open(string sessionId, StoragePart part, FileMode mode, FileAccess access) =>
            new FileStream(Of(sessionId, part), mode, access, FileShare.ReadWrite | FileShare.Delete);
    }
}
