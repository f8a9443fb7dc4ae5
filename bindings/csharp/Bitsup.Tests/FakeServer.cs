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
    /// <summary>A server with scripted responses.</summary>
    internal sealed class FakeServer : IDisposable
    {
        private const string Session = "{1B4E28BA-2FA1-11D2-883F-0016D3CCA427}";

        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly List<TcpClient> connections = new List<TcpClient>();

        /// <param name="handler">Handles each connection on a dedicated thread.</param>
        public FakeServer(Action<Stream> handler)
        {
            this.listener.Start();
            _ = Accept(handler);
        }

        public string Url => $"http://{this.listener.LocalEndpoint}/file.bin";

        /// <summary>Creates a server that never responds. Sets the event when a request arrives.</summary>
        public static FakeServer NotResponding(ManualResetEventSlim requested) => new FakeServer(stream =>
        {
            stream.ReadByte();
            requested.Set();
        });

        /// <summary>Creates a server that sends the same response to every request.</summary>
        public static FakeServer Responding(string status, string fields = "") => new FakeServer(stream =>
        {
            while (ReadHead(stream) != null)
            {
                Respond(stream, status, fields);
            }
        });

        /// <summary>Creates a server that opens a session and then reads only the first byte of the first fragment.</summary>
        public static FakeServer NotReading(ManualResetEventSlim sending) => new FakeServer(stream =>
        {
            ReadHead(stream);
            Respond(stream, "200 OK", $"BITS-Packet-Type: Ack\r\nBITS-Protocol: {{7df0354d-249b-430f-820d-3d2a9bef4931}}\r\nBITS-Session-Id: {Session}\r\n");
            if (stream.ReadByte() >= 0)
            {
                sending.Set();
            }
        });

        /// <summary>Reads the head of a request without a body; null at the end of the connection.</summary>
        public static string? ReadHead(Stream stream)
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
                // Closing the stream would wait for a blocked read; shutting down the socket ends it.
                this.connections.ForEach(connection => connection.Client.Shutdown(SocketShutdown.Both));
            }
        }

        private static void Respond(Stream stream, string status, string fields) =>
            stream.Write(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n"));

        private async Task Accept(Action<Stream> handler)
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

                    _ = Task.Factory.StartNew(() => Handle(connection, handler), TaskCreationOptions.LongRunning);
                }
            }
            catch (ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private static void Handle(TcpClient connection, Action<Stream> handler)
        {
            try
            {
                handler(connection.GetStream());
            }
            catch (Exception ended) when (ended is IOException || ended is InvalidOperationException)
            {
                // The test is over, or the client closed the connection.
            }
        }
    }
}
