using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;

namespace Bitsup
{
    /// <summary>Forwards the store operations of the C library to a <see cref="BitsStorage"/>.</summary>
    internal static class StorageCallbacks
    {
        private static readonly Native.bitsup_store_record_fn Create = (userData, session, record, length) =>
            Status(userData, storage => storage.Create(Text(session), Bytes(record, length)));

        private static readonly Native.bitsup_store_record_fn Save = (userData, session, record, length) =>
            Status(userData, storage => storage.Save(Text(session), Bytes(record, length)));

        private static readonly Native.bitsup_store_list_fn List = (userData, list) => Status(userData, storage =>
        {
            foreach (StoredSession one in storage.List())
            {
                byte[] id = Call.Text(one.SessionId, nameof(StoredSession.SessionId));
                ulong modified = (ulong)Math.Max(one.Modified?.ToUnixTimeMilliseconds() ?? 0, 0);
                int status = Native.bitsup_store_list_add(
                    list, id, one.Record, (UIntPtr)one.Record.Length, modified, out IntPtr error);
                Call.Check(status, error);
            }
        });

        private static readonly Native.bitsup_store_write_fn Write = (userData, session, part, offset, data, length) =>
            Status(userData, storage => storage.Write(Text(session), (StoragePart)part, (long)offset, Bytes(data, length)));

        private static readonly Native.bitsup_store_part_fn Flush = (userData, session, part) =>
            Status(userData, storage => storage.Flush(Text(session), (StoragePart)part));

        private static readonly Native.bitsup_store_part_fn Remove = (userData, session, part) =>
            Status(userData, storage => storage.Remove(Text(session), (StoragePart)part));

        private static readonly Native.bitsup_store_commit_fn Commit = (userData, session, destination, overwrite, record, length) =>
            Status(userData, storage => storage.Commit(Text(session), Text(destination), overwrite != 0, Bytes(record, length)));

        private static readonly Native.bitsup_store_stat_fn GetLengthCallback = GetLength;

        private static readonly Native.bitsup_store_read_fn ReadCallback = Read;

        private static readonly Native.bitsup_store_destination_state_fn GetDestinationStateCallback = GetDestinationState;

        /// <summary>Creates a native store. It owns one reference to the storage.</summary>
        public static StoreHandle NewStore(BitsStorage storage)
        {
            using StoreOpsHandle ops = Call.NonNull(Native.bitsup_store_ops_new(UserData.Alloc(storage), UserData.Destroy));
            Set(ops, Create, Native.bitsup_store_ops_on_create);
            Set(ops, Save, Native.bitsup_store_ops_on_save);
            Set(ops, List, Native.bitsup_store_ops_on_list);
            Set(ops, GetLengthCallback, Native.bitsup_store_ops_on_stat);
            Set(ops, Write, Native.bitsup_store_ops_on_write);
            Set(ops, Flush, Native.bitsup_store_ops_on_flush);
            Set(ops, ReadCallback, Native.bitsup_store_ops_on_read);
            Set(ops, Commit, Native.bitsup_store_ops_on_commit);
            Set(ops, Remove, Native.bitsup_store_ops_on_remove);
            Set(ops, GetDestinationStateCallback, Native.bitsup_store_ops_on_destination_state);
            Call.Check(Native.bitsup_store_new_custom(ops, out StoreHandle store, out IntPtr error), error);
            return store;
        }

        private static void Set<T>(StoreOpsHandle ops, T callback, Setting.Setter<StoreOpsHandle, T> setter) =>
            Call.Check(setter(ops, callback, out IntPtr error), error);

        private static int GetLength(IntPtr userData, IntPtr session, int part, ref ulong length, ref ulong modified)
        {
            long? found = null;
            int status = Status(userData, storage => found = storage.GetLength(Text(session), (StoragePart)part));
            length = (ulong)(found ?? 0);
            return status == Native.BITSUP_OK && found is null ? Native.BITSUP_E_NOT_FOUND : status;
        }

        private static int Read(IntPtr userData, IntPtr session, int part, ulong offset, IntPtr buffer, UIntPtr capacity, ref UIntPtr read)
        {
            int length = 0;
            int status = Status(userData, storage =>
            {
                var chunk = new byte[Math.Min(capacity.ToUInt64(), 256 * 1024)];
                length = storage.Read(Text(session), (StoragePart)part, (long)offset, chunk);
                Marshal.Copy(chunk, 0, buffer, length);
            });
            read = (UIntPtr)(status == Native.BITSUP_OK ? length : 0);
            return status;
        }

        private static int GetDestinationState(IntPtr userData, IntPtr destination, ref int place)
        {
            var found = DestinationState.Available;
            int status = Status(userData, storage => found = storage.GetDestinationState(Text(destination)));
            place = (int)found;
            return status;
        }

        /// <summary>Calls a method and maps its exception to a status.</summary>
        private static int Status(IntPtr userData, Action<BitsStorage> method)
        {
            var storage = UserData.Get<BitsStorage>(userData);
            try
            {
                method(storage);
                return Native.BITSUP_OK;
            }
            catch (BitsException exception)
            {
                return (int)exception.Status;
            }
            catch (Exception exception) when (exception is FileNotFoundException || exception is DirectoryNotFoundException || exception is KeyNotFoundException)
            {
                return Native.BITSUP_E_NOT_FOUND;
            }
            catch (UnauthorizedAccessException)
            {
                return Native.BITSUP_E_DENIED;
            }
            catch (Exception exception)
            {
                Report(storage, exception);
                return Native.BITSUP_E_IO;
            }
        }

        private static void Report(BitsStorage storage, Exception exception)
        {
            try
            {
                if (storage.OnException is { } handler)
                {
                    handler(exception);
                    return;
                }
            }
            catch (Exception thrown)
            {
                exception = thrown;
            }

            if (!CallFrame.Capture(exception))
            {
                Trace.TraceError($"bitsup: a store threw an exception: {exception}");
            }
        }

        private static string Text(IntPtr text) => Call.BorrowedString(text) ?? "";

        private static byte[] Bytes(IntPtr data, UIntPtr length)
        {
            var bytes = new byte[length.ToUInt64()];
            if (bytes.Length > 0)
            {
                Marshal.Copy(data, bytes, 0, bytes.Length);
            }

            return bytes;
        }
    }
}
