using System;
using System.Threading.Tasks;

namespace Bitsup.Examples
{
    /// <summary>
    /// resume FILE URL STATE: uploads FILE to URL and keeps the state of that in the file STATE. Whatever happens to this
    /// process, the same command goes on where the server has got to. Exit code 0 when the file is delivered, 3 when another
    /// try may help, 1 when not.
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
            catch (BitsException failure)
            {
                Console.Error.WriteLine(failure.Message);
                return failure.IsTransient ? 3 : 1;
            }
        }
    }
}
