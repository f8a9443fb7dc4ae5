namespace Bitsup
{
    /// <summary>Information about the native library.</summary>
    public static class BitsLibrary
    {
        /// <summary>The version of the native library, for example "0.1.0".</summary>
        public static string Version => Call.BorrowedString(Native.bitsup_version_string()) ?? "";
    }
}
