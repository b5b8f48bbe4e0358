using System.CommandLine;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Health;

internal static class HealthCommand
{
    public static Command Create() => Verb.Create("health", "Health data: exports of a phone into a database, and from there to the server.", GenerateVerb.Create(), ImportVerb.Create(), HealthSyncVerb.Create(), ReportVerb.Create());
}
