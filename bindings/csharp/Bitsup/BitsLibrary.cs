namespace Bitsup
{
    /// <summary>The shared library in use.</summary>
    public static class BitsLibrary
    {
        /// <summary>Its version: "0.1.0".</summary>
        public static string Version => Call.Lent(Native.bitsup_version_string()) ?? "";
    }
}
