using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tidemark.Model.Protocol;
using Tidemark.Server.Changes;

namespace Tidemark.Server.Observing;

/// <summary>The meter and the activities of the server; `docs/internals/observability.md` lists what they give. Neither names users, spaces, devices or rows.</summary>
public static class ServerSources
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Tidemark.Server";

    private const string Done = "ok";

    private static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("tidemark.server.duration", "s", "How long pushes and pages took, by what was asked and how it ended.");
    private static readonly Counter<long> Commands = Meter.CreateCounter<long>("tidemark.server.commands", "{command}", "Commands with a verdict, by verdict.");
    private static readonly Counter<long> Rows = Meter.CreateCounter<long>("tidemark.server.rows", "{row}", "Changes given in pages.");

    internal static Task<PushResponse> PushAsync(TimeProvider time, Func<Task<PushResponse>> push) => MeasureAsync("push", Activities.StartActivity("tidemark.server.push"), time, push, response =>
    {
        Add("accepted", response.Successful.Count);
        Add("conflict", response.Conflicts.Count);
        Add("failed", response.Failed.Count);
    });

    internal static Task<ChangesPageBody> PageAsync(TimeProvider time, Func<Task<ChangesPageBody>> read) => MeasureAsync("page", Activities.StartActivity("tidemark.server.page"), time, read, page => Rows.Add(page.Count));

    private static async Task<T> MeasureAsync<T>(string asked, Activity? activity, TimeProvider time, Func<Task<T>> work, Action<T> count)
    {
        using var _ = activity;
        var start = time.GetTimestamp();
        var ended = ErrorCodes.Unavailable;
        try
        {
            var result = await work().ConfigureAwait(false);
            ended = Done;
            count(result);
            return result;
        }
        catch (ServerException e)
        {
            ended = e.Problem.Code;
            throw;
        }
        finally
        {
            if (ended != Done)
            {
                activity?.SetStatus(ActivityStatusCode.Error, ended);
            }

            Duration.Record(time.GetElapsedTime(start).TotalSeconds, new("asked", asked), new("ended", ended));
        }
    }

    private static void Add(string verdict, int count)
    {
        if (count > 0)
        {
            Commands.Add(count, new KeyValuePair<string, object?>("verdict", verdict));
        }
    }
}
