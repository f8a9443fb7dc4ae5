using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>Lets the C library read a stream. One that cannot seek is copied to a temporary file first.</summary>
    internal sealed class StreamSource : IDisposable
    {
        private static readonly Native.bitsup_read_fn ReadPiece = Read;

        private readonly Stream stream;
        private readonly Stream? copy;
        private readonly long start;
        private byte[] piece = Array.Empty<byte>();

        private StreamSource(Stream content)
        {
            if (!content.CanRead)
            {
                throw new ArgumentException("The stream cannot be read.", nameof(content));
            }

            this.copy = content.CanSeek ? null : Copied(content);
            this.stream = this.copy ?? content;
            this.start = this.stream.Position;
        }

        /// <summary>From where the stream stands to its end. C owns the one reference to it.</summary>
        public static SourceHandle New(Stream content)
        {
            var own = new StreamSource(content);
            ulong total = (ulong)Math.Max(own.stream.Length - own.start, 0);
            int status = Native.bitsup_source_from_reader(
                ReadPiece, total, UserData.Keep(own), UserData.Destroy, out SourceHandle source, out IntPtr error);
            Call.Check(status, error);
            return source;
        }

        /// <summary>Removes the copy; the stream stays the caller's.</summary>
        public void Dispose() => this.copy?.Dispose();

        private static int Read(IntPtr userData, ulong offset, IntPtr buffer, UIntPtr room, ref UIntPtr length)
        {
            var own = UserData.Of<StreamSource>(userData);
            int read = 0;
            bool done = CallFrame.Guard(() => read = own.Read((long)offset, (int)Math.Min(room.ToUInt64(), 256 * 1024), buffer));
            length = (UIntPtr)read;
            return done ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;
        }

        private int Read(long offset, int most, IntPtr buffer)
        {
            if (this.piece.Length < most)
            {
                this.piece = new byte[most];
            }

            this.stream.Position = this.start + offset;
            int length = this.stream.Read(this.piece, 0, most);
            Marshal.Copy(this.piece, 0, buffer, length);
            return length;
        }

        private static Stream Copied(Stream content)
        {
            string path = Path.Combine(Path.GetTempPath(), $"bitsup-{Guid.NewGuid():N}");
            var copy = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 * 1024, FileOptions.DeleteOnClose);
            try
            {
                content.CopyTo(copy);
                copy.Flush();
                copy.Position = 0;
                return copy;
            }
            catch
            {
                copy.Dispose();
                throw;
            }
        }
    }
}
