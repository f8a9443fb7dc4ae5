using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>A server that says just what a test wants it to say.</summary>
    internal sealed class Peer : IDisposable
    {
        private const string Session = "{1B4E28BA-2FA1-11D2-883F-0016D3CCA427}";

        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly List<TcpClient> connections = new List<TcpClient>();

        /// <param name="talk">What it does with each connection, on a thread of its own.</param>
        public Peer(Action<Stream> talk)
        {
            this.listener.Start();
            _ = Accept(talk);
        }

        public string Url => $"http://{this.listener.LocalEndpoint}/file.bin";

        /// <summary>Says nothing at all. Tells when a request has come.</summary>
        public static Peer Silent(ManualResetEventSlim asked) => new Peer(stream =>
        {
            stream.ReadByte();
            asked.Set();
        });

        /// <summary>Answers every request alike.</summary>
        public static Peer Answering(string status, string fields = "") => new Peer(stream =>
        {
            while (Request(stream) != null)
            {
                Answer(stream, status, fields);
            }
        });

        /// <summary>Makes a session, and reads nothing of the first fragment but its first byte.</summary>
        public static Peer Deaf(ManualResetEventSlim sending) => new Peer(stream =>
        {
            Request(stream);
            Answer(stream, "200 OK", $"BITS-Packet-Type: Ack\r\nBITS-Protocol: {{7df0354d-249b-430f-820d-3d2a9bef4931}}\r\nBITS-Session-Id: {Session}\r\n");
            if (stream.ReadByte() >= 0)
            {
                sending.Set();
            }
        });

        /// <summary>One head, whose body must be empty; null at the end of the connection.</summary>
        public static string? Request(Stream stream)
        {
            var head = new StringBuilder();
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                int next = stream.ReadByte();
                if (next < 0)
                {
                    return null;
                }

                head.Append((char)next);
            }

            return head.ToString();
        }

        public void Dispose()
        {
            this.listener.Stop();
            lock (this.connections)
            {
                // A read that blocks would block the end of its connection, too.
                this.connections.ForEach(connection => connection.Client.Shutdown(SocketShutdown.Both));
            }
        }

        private static void Answer(Stream stream, string status, string fields) =>
            stream.Write(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n"));

        private async Task Accept(Action<Stream> talk)
        {
            try
            {
                while (true)
                {
                    TcpClient connection = await this.listener.AcceptTcpClientAsync();
                    lock (this.connections)
                    {
                        this.connections.Add(connection);
                    }

                    _ = Task.Factory.StartNew(() => Talk(connection, talk), TaskCreationOptions.LongRunning);
                }
            }
            catch (ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private static void Talk(TcpClient connection, Action<Stream> talk)
        {
            try
            {
                talk(connection.GetStream());
            }
            catch (Exception ended) when (ended is IOException || ended is InvalidOperationException)
            {
                // The test is over, or the client hung up.
            }
        }
    }
}
