using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>Takes the C library's questions for credentials to a delegate.</summary>
    internal sealed class CredentialsCallback
    {
        private static readonly Native.bitsup_credentials_fn Ask =
            (userData, target, scheme, realm, user, userRoom, secret, secretRoom) =>
            {
                var own = UserData.Of<CredentialsCallback>(userData);
                var request = new AuthRequest((AuthTarget)target, (AuthScheme)scheme, Call.Lent(realm) ?? "");
                bool answered = CallFrame.Guard(() =>
                {
                    if (own.Answer(request) is { } told)
                    {
                        Write(told.User ?? "", user, userRoom);
                        Write(told.Secret, secret, secretRoom);
                    }
                });
                return answered ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;
            };

        private readonly Func<AuthRequest, Task<BitsCredentials?>> ask;

        private CredentialsCallback(Func<AuthRequest, Task<BitsCredentials?>> ask) => this.ask = ask;

        /// <summary>C owns the one reference to it.</summary>
        public static void Set(ClientConfigHandle config, Func<AuthRequest, Task<BitsCredentials?>> ask)
        {
            IntPtr kept = UserData.Keep(new CredentialsCallback(ask));
            Call.Check(Native.bitsup_client_config_on_credentials(config, Ask, kept, UserData.Destroy, out IntPtr error), error);
        }

        /// <summary>
        /// The thread of the upload waits. The delegate begins on another one, whose synchronization context, unlike that of
        /// a window, does not wait for this one.
        /// </summary>
        private BitsCredentials? Answer(AuthRequest request)
        {
            BitsCredentials? told = Task.Run(() => this.ask(request)).GetAwaiter().GetResult();
            return told is null || told.Scheme == request.Scheme
                ? told
                : throw new InvalidOperationException($"{request.Scheme} credentials were asked for, not {told.Scheme}.");
        }

        private static void Write(string text, IntPtr buffer, UIntPtr room)
        {
            byte[] bytes = Call.Text(text, nameof(BitsCredentials));
            if ((ulong)bytes.Length > room.ToUInt64())
            {
                throw new InvalidOperationException($"Credentials are at most {room.ToUInt64() - 1} bytes long.");
            }

            Marshal.Copy(bytes, 0, buffer, bytes.Length);
        }
    }
}
