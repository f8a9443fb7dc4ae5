using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>Lets the C library read a stream. A stream that cannot seek is first copied to a temporary file.</summary>
    internal sealed class StreamSource : IDisposable
    {
        private static readonly Native.bitsup_source_read_fn ReadCallback = Read;

        private readonly Stream stream;
        private readonly Stream? copy;
        private readonly long start;
        private byte[] chunk = Array.Empty<byte>();

        private StreamSource(Stream content)
        {
            if (!content.CanRead)
            {
                throw new ArgumentException("The stream must be readable.", nameof(content));
            }

            this.copy = content.CanSeek ? null : CopyToTempFile(content);
            this.stream = this.copy ?? content;
            this.start = this.stream.Position;
        }

        /// <summary>
        /// Creates a source that reads from the stream's current position to its end. It owns one reference to the reader.
        /// </summary>
        public static SourceHandle Create(Stream content)
        {
            var self = new StreamSource(content);
            ulong total = (ulong)Math.Max(self.stream.Length - self.start, 0);
            int status = Native.bitsup_source_from_reader(
                ReadCallback, total, UserData.Alloc(self), UserData.Destroy, out SourceHandle source, out IntPtr error);
            Call.Check(status, error);
            return source;
        }

        /// <summary>Deletes the temporary copy. The caller's stream is not closed.</summary>
        public void Dispose() => this.copy?.Dispose();

        private static int Read(IntPtr userData, ulong offset, IntPtr buffer, UIntPtr capacity, ref UIntPtr length)
        {
            var self = UserData.Get<StreamSource>(userData);
            int read = 0;
            bool succeeded = CallFrame.Guard(() => read = self.Read((long)offset, (int)Math.Min(capacity.ToUInt64(), 256 * 1024), buffer));
            length = (UIntPtr)read;
            return succeeded ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;
        }

        private int Read(long offset, int max, IntPtr buffer)
        {
            if (this.chunk.Length < max)
            {
                this.chunk = new byte[max];
            }

            this.stream.Position = this.start + offset;
            int length = this.stream.Read(this.chunk, 0, max);
            Marshal.Copy(this.chunk, 0, buffer, length);
            return length;
        }

        private static Stream CopyToTempFile(Stream content)
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
