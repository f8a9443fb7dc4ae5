using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;

namespace Bitsup.Tests
{
    /// <summary>Authentication, TLS and proxies.</summary>
    internal static class AuthTests
    {
        private const string Acknowledged = "200 OK\r\nBITS-Packet-Type: Ack";

        [Test("B-AUTH-01")]
        public static void Basic_credentials_are_accepted_and_own_the_sessions()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            var owners = new List<string?>();
            var options = new BitsServerOptions
            {
                Root = fixture.Root,
                Users = { ["ann"] = "secret" },
                Hooks = new BitsHooks { OnCreate = (upload, verdict) => owners.Add(upload.Owner) },
            };
            using BitsServer server = BitsServer.Start(options);
            Client(BitsCredentials.Basic("ann", "secret")).Upload(fixture.Source, server.Url + "file.bin");
            Check.Equal("ann", owners.Single());
            Check.Equal(401, Check.Throws<BitsException>(() => Client(null).Ping(server.Url)).HttpStatus);
            BitsCredentials wrong = BitsCredentials.Basic("ann", "wrong");
            Check.Equal(401, Check.Throws<BitsException>(() => Client(wrong).Ping(server.Url)).HttpStatus);
            server.ReloadUsers(new BitsServerOptions { Users = { ["bob"] = "other" } });
            Client(BitsCredentials.Basic("bob", "other")).Ping(server.Url);
            Check.Fails(BitsStatus.InvalidArgument, () => server.ReloadUsers(new BitsServerOptions()));
        }

        [Test("B-AUTH-02")]
        public static void A_bearer_token_is_sent_when_the_server_requires_it()
        {
            using FakeServer peer = Requiring("Authorization", "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"in\"", "Bearer token");
            Client(BitsCredentials.Bearer("token")).Ping(peer.Url);
            Check.That(!BitsCredentials.Bearer("token").ToString().Contains("token"), "the token is not in ToString");
        }

        [Test("B-AUTH-03", "B-LIFE-02", "B-LIFE-03")]
        public static void OnCredentials_receives_the_realm()
        {
            using FakeServer peer = Requiring("Authorization", "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"in\"", "Bearer fresh");
            AuthRequest? requested = null;
            int before = UserData.Alive;
            using (var client = new BitsClient(new BitsClientOptions
            {
                OnCredentials = async request =>
                {
                    await Task.Yield();
                    Garbage.Collect();
                    requested = request;
                    return BitsCredentials.Bearer("fresh");
                },
            }))
            {
                client.Ping(peer.Url);
            }

            Check.Equal((AuthTarget.Server, AuthScheme.Bearer, "in"), (requested!.Target, requested.Scheme, requested.Realm));
            Check.Eventually(() => UserData.Alive <= before, "nothing is kept");
        }

        [Test("B-AUTH-04", "B-ERROR-05")]
        public static void Null_from_OnCredentials_keeps_the_401_and_an_exception_ends_the_call()
        {
            using FakeServer peer = FakeServer.Responding("401 Unauthorized", "WWW-Authenticate: Basic realm=\"in\"\r\n");
            using var none = new BitsClient(new BitsClientOptions { OnCredentials = request => Task.FromResult<BitsCredentials?>(null) });
            Check.Equal(401, Check.Throws<BitsException>(() => none.Ping(peer.Url)).HttpStatus);
            using var fails = new BitsClient(new BitsClientOptions { OnCredentials = request => throw new InvalidDataException() });
            Check.Throws<InvalidDataException>(() => fails.Ping(peer.Url));
            using var fixture = new Fixture();
            Check.Throws<InvalidDataException>(() => fails.Upload(fixture.Source, peer.Url));
            using var other = new BitsClient(new BitsClientOptions
            {
                OnCredentials = request => Task.FromResult<BitsCredentials?>(BitsCredentials.Bearer("token")),
            });
            Check.Throws<InvalidOperationException>(() => other.Ping(peer.Url));
        }

        [Test("B-TLS-01")]
        public static void A_server_is_trusted_by_its_root_and_can_reload_its_certificate()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            (string first, string second) = (Certificate(fixture, "first"), Certificate(fixture, "second"));
            using BitsServer server = BitsServer.Start(new BitsServerOptions { Root = fixture.Root, CertificateFile = first });
            Check.That(server.Url.StartsWith("https://", StringComparison.Ordinal), server.Url);
            using BitsClient trusting = Trusting(first);
            trusting.Upload(fixture.Source, server.Url + "file.bin");
            Check.Same(fixture.Content, fixture.Received());
            Check.Fails(BitsStatus.Tls, () => Client(null).Ping(server.Url));
            server.ReloadTls(new BitsServerOptions { CertificateFile = second });
            using BitsClient later = Trusting(second);
            later.Ping(server.Url);
            Check.Fails(BitsStatus.InvalidArgument, () => server.ReloadTls(new BitsServerOptions()));
        }

        [Test("B-TLS-02")]
        public static void The_subject_of_the_client_certificate_owns_the_sessions()
        {
            using var fixture = new Fixture();
            Directory.CreateDirectory(fixture.Root);
            (string own, string pc) = (Certificate(fixture, "server"), Certificate(fixture, "pc17"));
            var owners = new List<string?>();
            var options = new BitsServerOptions
            {
                Root = fixture.Root,
                CertificateFile = own,
                ClientCaFile = pc,
                Hooks = new BitsHooks { OnCreate = (upload, verdict) => owners.Add(upload.Owner) },
            };
            using BitsServer server = BitsServer.Start(options);
            using (BitsClient known = Trusting(own, pc))
            {
                known.Upload(fixture.Source, server.Url + "file.bin");
            }

            Check.Equal("CN=pc17", owners.Single());
            using BitsClient unknown = Trusting(own);
            Check.Equal(BitsStatusClass.Network, Check.Throws<BitsException>(() => unknown.Ping(server.Url)).Class);
        }

        [Test("B-PROXY-01")]
        public static void Requests_use_the_proxy_except_for_hosts_in_NoProxy()
        {
            using FakeServer proxy = Requiring("Proxy-Authorization", "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"", "Basic dTpw");
            var options = new BitsClientOptions
            {
                Proxy = new Uri(proxy.Url).GetLeftPart(UriPartial.Authority),
                ProxyCredentials = BitsCredentials.Basic("u", "p"),
                NoProxy = { "127.0.0.1" },
                NoProgressTimeout = TimeSpan.Zero,
            };
            using var client = new BitsClient(options);
            client.Ping("http://elsewhere.example/in");
            using var fixture = new Fixture();
            fixture.Serve();
            client.Upload(fixture.Source, fixture.Url());
            Check.Same(fixture.Content, fixture.Received());
        }

        private static BitsClient Client(BitsCredentials? credentials) =>
            new BitsClient(new BitsClientOptions { Credentials = credentials, NoProgressTimeout = TimeSpan.Zero });

        private static BitsClient Trusting(string root, string? own = null) => new BitsClient(
            new BitsClientOptions { CaFile = root, ClientCertificateFile = own, NoProgressTimeout = TimeSpan.Zero });

        /// <summary>Acknowledges requests with the expected header field, and sends the challenge otherwise.</summary>
        private static FakeServer Requiring(string field, string challenge, string expected) => new FakeServer(stream =>
        {
            while (FakeServer.ReadHead(stream) is { } head)
            {
                bool right = head.IndexOf($"{field}: {expected}\r\n", StringComparison.OrdinalIgnoreCase) >= 0;
                stream.Write(Encoding.ASCII.GetBytes($"HTTP/1.1 {(right ? Acknowledged : challenge)}\r\nContent-Length: 0\r\n\r\n"));
            }
        });

        /// <summary>Writes a self-signed certificate and its key to one file.</summary>
        private static string Certificate(Fixture fixture, string name)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            string file = fixture.In(name + ".pem");
            File.WriteAllText(file, Pem("CERTIFICATE", made.RawData) + Pem("PRIVATE KEY", key.ExportPkcs8PrivateKey()));
            return file;
        }

        private static string Pem(string what, byte[] content) =>
            $"-----BEGIN {what}-----\n{Convert.ToBase64String(content, Base64FormattingOptions.InsertLineBreaks)}\n-----END {what}-----\n";
    }
}
