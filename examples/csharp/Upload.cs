using System;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// upload FILE URL: uploads FILE to URL. Each acknowledged piece is a line on stdout: "progress SENT TOTAL". Ctrl-C gives
    /// the upload up, here and on the server. Exit code 0 when the file is delivered, 1 when not, 130 after Ctrl-C.
    /// </summary>
    internal static class Upload
    {
        public static async Task<int> Run(string path, string url)
        {
            using var client = new BitsClient();
            using var interrupted = new CancellationTokenSource();
            Console.CancelKeyPress += (sender, pressed) =>
            {
                pressed.Cancel = true;
                interrupted.Cancel();
            };
            var options = new UploadOptions
            {
                OnProgress = progress => Console.WriteLine($"progress {progress.Sent} {progress.Total}"),
                OnRetry = retry => Console.Error.WriteLine($"attempt {retry.Attempt} failed: {retry.Cause.Message}"),
            };
            try
            {
                UploadResult result = await client.UploadAsync(path, url, options, cancellationToken: interrupted.Token);
                Console.WriteLine($"sent {result.Length}");
                return 0;
            }
            catch (OperationCanceledException)
            {
                return 130;
            }
            catch (BitsException failure)
            {
                Console.Error.WriteLine($"{failure.StatusName}: {failure.Message}");
                return 1;
            }
        }
    }
}
