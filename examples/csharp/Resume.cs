using System;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// resume FILE URL STATE: uploads FILE to URL and keeps the state of the upload in the file STATE. If the process is
    /// interrupted, running the same command again resumes the upload. Exit code 0 if the file was delivered, 3 after a
    /// transient error, 1 after any other error.
    /// </summary>
    internal static class Resume
    {
        public static async Task<int> Run(string path, string url, string state)
        {
            using var client = new BitsClient();
            using UploadJob job = client.CreateJob(path, url, new UploadOptions
            {
                StatePath = state,
                OnProgress = progress => Console.WriteLine($"progress {progress.Sent} {progress.Total}"),
            });
            try
            {
                await job.RunAsync();
                return 0;
            }
            catch (BitsException exception)
            {
                Console.Error.WriteLine(exception.Message);
                return exception.IsTransient ? 3 : 1;
            }
        }
    }
}
