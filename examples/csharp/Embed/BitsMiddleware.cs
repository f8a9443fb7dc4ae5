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
    /// Passes the requests of an ASP.NET Core application to an engine. Copy this file into your project: the package itself
    /// does not depend on ASP.NET Core.
    /// </summary>
    public static class BitsMiddleware
    {
        /// <summary>
        /// Handles all requests of this branch with an engine: <c>app.Map("/in", branch => branch.UseBits(engine))</c>. If other
        /// handlers share the path, <see cref="BitsEngine.Accepts"/> tells which requests are for the engine.
        /// </summary>
        public static void UseBits(this IApplicationBuilder app, BitsEngine engine) =>
            app.Run(context => HandleAsync(context, engine, CreateRequest(context)));

        /// <summary>Disables Kestrel's limits that would end long uploads over slow connections.</summary>
        public static void AllowLongUploads(this KestrelServerOptions options)
        {
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
        }

        private static BitsRequest CreateRequest(HttpContext context)
        {
            ConnectionInfo connection = context.Connection;
            // The engine needs the path as received; HttpRequest.Path is already URL-decoded.
            string raw = context.Features.Get<IHttpRequestFeature>().RawTarget;
            string prefix = context.Request.PathBase.ToUriComponent();
            bool hasPrefix = prefix.Length > 0 && raw.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
            var request = new BitsRequest(context.Request.Method, hasPrefix ? raw.Substring(prefix.Length) : raw)
            {
                Peer = connection.RemoteIpAddress is { } address ? new IPEndPoint(address, connection.RemotePort).ToString() : null,
                Owner = context.User.Identity?.Name,
                Mount = hasPrefix ? raw.Substring(0, prefix.Length) + "/" : null,
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

        private static async Task HandleAsync(HttpContext context, BitsEngine engine, BitsRequest request)
        {
            // The first read sends 100 Continue if the client waits for it.
            Stream body = context.Request.Body;
            try
            {
                using BitsResponse result = await engine.HandleAsync(request, body, context.RequestAborted);
                HttpResponse response = context.Response;
                response.StatusCode = result.StatusCode;
                response.ContentLength = result.ContentLength;
                foreach (KeyValuePair<string, string> field in result.Headers)
                {
                    response.Headers.Append(field.Key, field.Value);
                }

                if (result.MustClose)
                {
                    response.Headers["Connection"] = "close";
                }

                await result.CopyToAsync(response.Body, context.RequestAborted);
            }
            catch (Exception lost) when (lost is OperationCanceledException || lost is IOException)
            {
                // The connection was lost. Stored data is kept, and the client resumes later.
                context.Abort();
            }
        }
    }
}
