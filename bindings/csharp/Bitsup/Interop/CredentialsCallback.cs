using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Bitsup
{
    /// <summary>Forwards the C library's requests for credentials to a delegate.</summary>
    internal sealed class CredentialsCallback
    {
        private static readonly Native.bitsup_credentials_fn OnCredentials =
            (userData, target, scheme, realm, user, userCapacity, secret, secretCapacity) =>
            {
                var self = UserData.Get<CredentialsCallback>(userData);
                var request = new AuthRequest((AuthTarget)target, (AuthScheme)scheme, Call.BorrowedString(realm) ?? "");
                bool succeeded = CallFrame.Guard(() =>
                {
                    if (self.GetCredentials(request) is { } credentials)
                    {
                        Write(credentials.User ?? "", user, userCapacity);
                        Write(credentials.Secret, secret, secretCapacity);
                    }
                });
                return succeeded ? Native.BITSUP_CONTINUE : Native.BITSUP_ABORT;
            };

        private readonly Func<AuthRequest, Task<BitsCredentials?>> callback;

        private CredentialsCallback(Func<AuthRequest, Task<BitsCredentials?>> callback) => this.callback = callback;

        /// <summary>Registers the delegate. The native configuration owns the only reference to the callback object.</summary>
        public static void Set(ClientConfigHandle config, Func<AuthRequest, Task<BitsCredentials?>> callback)
        {
            IntPtr userData = UserData.Alloc(new CredentialsCallback(callback));
            Call.Check(Native.bitsup_client_config_on_credentials(config, OnCredentials, userData, UserData.Destroy, out IntPtr error), error);
        }

        /// <summary>
        /// Blocks the thread of the upload. The delegate starts on a thread of the pool: with the synchronization context of a
        /// user interface it could wait for this thread forever.
        /// </summary>
        private BitsCredentials? GetCredentials(AuthRequest request)
        {
            BitsCredentials? credentials = Task.Run(() => this.callback(request)).GetAwaiter().GetResult();
            return credentials is null || credentials.Scheme == request.Scheme
                ? credentials
                : throw new InvalidOperationException($"OnCredentials must return {request.Scheme} credentials, not {credentials.Scheme}.");
        }

        private static void Write(string text, IntPtr buffer, UIntPtr capacity)
        {
            byte[] bytes = Call.Text(text, nameof(BitsCredentials));
            if ((ulong)bytes.Length > capacity.ToUInt64())
            {
                throw new InvalidOperationException($"The credentials are too long: at most {capacity.ToUInt64() - 1} bytes are allowed.");
            }

            Marshal.Copy(bytes, 0, buffer, bytes.Length);
        }
    }
}
