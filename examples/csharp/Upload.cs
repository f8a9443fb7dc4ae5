using System;
using System.Threading;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// upload FILE URL: uploads FILE to URL. Prints "progress SENT TOTAL" for each acknowledged fragment. Ctrl-C cancels the
    /// upload, also on the server. Exit code 0 if the file was delivered, 1 after an error, 130 after Ctrl-C.
    /// </summary>
    internal static class Upload
    {
        public static async Task<int> Run(string path, string url)
        {
            using var client = new BitsClient();
            using var interrupted = new CancellationTokenSource();
            Console.CancelKeyPress += (sender, args) =>
            {
                args.Cancel = true;
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
            catch (BitsException exception)
            {
                Console.Error.WriteLine($"{exception.StatusName}: {exception.Message}");
                return 1;
            }
        }
    }
}
