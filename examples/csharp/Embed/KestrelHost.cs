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
    /// <summary>Hosts an engine in Kestrel.</summary>
    internal static class KestrelHost
    {
        /// <summary>Serves requests until the token is cancelled, or SIGINT or SIGTERM is received.</summary>
        public static async Task Run(BitsEngine engine, int port, CancellationToken cancellationToken = default)
        {
            using IHost host = new HostBuilder()
                .ConfigureWebHost(web => web
                    .UseKestrel(options =>
                    {
                        options.AddServerHeader = false;
                        options.AllowLongUploads();
                        options.Listen(IPAddress.Loopback, port);
                    })
                    .Configure(app => app.UseBits(engine)))
                .ConfigureLogging(log => log.AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning))
                .Build();
            await host.StartAsync();
            string url = host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses.Single();
            Console.WriteLine($"listening on {url}/");
            using var stopped = new CancellationTokenSource();
            Task ticking = TickUntil(engine, stopped.Token);
            await host.WaitForShutdownAsync(cancellationToken);
            stopped.Cancel();
            await ticking;
        }

        /// <summary>Ends expired sessions; the engine has no timer.</summary>
        private static async Task TickUntil(BitsEngine engine, CancellationToken cancellationToken)
        {
            TimeSpan maxDelay = TimeSpan.FromMinutes(1);
            while (!cancellationToken.IsCancellationRequested)
            {
                TimeSpan next = engine.Tick().Next;
                await Task.WhenAny(Task.Delay(next < maxDelay ? next : maxDelay, cancellationToken));
            }
        }
    }
}
