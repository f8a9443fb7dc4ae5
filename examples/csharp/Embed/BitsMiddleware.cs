using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Primitives;

namespace Bitsup.Examples
{
    /// <summary>
    /// Hands the requests of an ASP.NET Core program to an engine. A file to copy: the package itself needs no ASP.NET.
    /// </summary>
    public static class BitsMiddleware
    {
        /// <summary>
        /// Mounts an engine for all that comes here: <c>app.Map("/in", below => below.RunBits(engine))</c>. Where other things
        /// share the paths with it, <see cref="BitsEngine.Accepts"/> tells what it wants.
        /// </summary>
        public static void RunBits(this IApplicationBuilder app, BitsEngine engine) =>
            app.Run(context => Answer(context, engine, Request(context)));

        /// <summary>What of Kestrel's limits stands in the way of long uploads over slow lines.</summary>
        public static void LetUploadsBeLong(this KestrelServerOptions options)
        {
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
        }

        private static BitsRequest Request(HttpContext context)
        {
            ConnectionInfo connection = context.Connection;
            // As it came on the wire: the path of the request is decoded, and what is encoded is part of a name.
            string raw = context.Features.Get<IHttpRequestFeature>().RawTarget;
            string prefix = context.Request.PathBase.ToUriComponent();
            bool below = prefix.Length > 0 && raw.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
            var request = new BitsRequest(context.Request.Method, below ? raw.Substring(prefix.Length) : raw)
            {
                Peer = connection.RemoteIpAddress is { } address ? new IPEndPoint(address, connection.RemotePort).ToString() : null,
                Owner = context.User.Identity?.Name,
                Mount = below ? raw.Substring(0, prefix.Length) + "/" : null,
                IsHttps = context.Request.IsHttps,
            };
            foreach (KeyValuePair<string, StringValues> field in context.Request.Headers)
            {
                foreach (string value in field.Value)
                {
                    request.Headers.Add(new KeyValuePair<string, string>(field.Key, value));
                }
            }

            return request;
        }

        private static async Task Answer(HttpContext context, BitsEngine engine, BitsRequest request)
        {
            // Over the pipe that Kestrel fills: each read waits without a thread, and the first one sends 100 Continue where
            // that is waited for.
            Stream body = context.Request.Body;
            try
            {
                using BitsResponse response = await engine.HandleAsync(request, body, context.RequestAborted);
                HttpResponse response = context.Response;
                response.StatusCode = response.StatusCode;
                response.ContentLength = response.ContentLength;
                foreach (KeyValuePair<string, string> field in response.Headers)
                {
                    response.Headers.Append(field.Key, field.Value);
                }

                if (response.MustClose)
                {
                    response.Headers["Connection"] = "close";
                }

                await response.CopyToAsync(response.Body, context.RequestAborted);
            }
            catch (Exception lost) when (lost is OperationCanceledException || lost is IOException)
            {
                // What was stored stays, and the client comes back for the rest.
                context.Abort();
            }
        }
    }
}
