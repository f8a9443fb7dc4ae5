using System;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bitsup.Examples
{
    /// <summary>Kestrel with an engine in it.</summary>
    internal static class KestrelHost
    {
        /// <summary>Serves until it is told to end, by SIGINT and SIGTERM too.</summary>
        public static async Task Run(BitsEngine engine, int port, CancellationToken end = default)
        {
            using IHost host = new HostBuilder()
                .ConfigureWebHost(web => web
                    .UseKestrel(options =>
                    {
                        options.AddServerHeader = false;
                        options.LetUploadsBeLong();
                        options.Listen(IPAddress.Loopback, port);
                    })
                    .Configure(app => app.RunBits(engine)))
                .ConfigureLogging(log => log.AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning))
                .Build();
            await host.StartAsync();
            string url = host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses.Single();
            Console.WriteLine($"listening on {url}/");
            using var ended = new CancellationTokenSource();
            Task ticking = TickUntil(engine, ended.Token);
            await host.WaitForShutdownAsync(end);
            ended.Cancel();
            await ticking;
        }

        /// <summary>Ends sessions that were idle for too long; the engine has no clock of its own.</summary>
        private static async Task TickUntil(BitsEngine engine, CancellationToken end)
        {
            TimeSpan longest = TimeSpan.FromMinutes(1);
            while (!end.IsCancellationRequested)
            {
                TimeSpan next = engine.Tick().Next;
                await Task.WhenAny(Task.Delay(next < longest ? next : longest, end));
            }
        }
    }
}
