using System.CommandLine;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.PutAside;

/// <summary>`tidemark aside ...`: what the server has shown and cannot stand here yet.</summary>
internal static class AsideCommand
{
    public const string Name = "aside";

    public static IReadOnlyList<string> Verbs { get; } = ["list", "discard"];

    public static Command Create() => Verb.Create(
        Name, "Pulled rows that cannot be applied yet: list, discard. `aside DB` lists them with their causes; every run tries them again.", AsideListVerb.Create(), AsideDiscardVerb.Create());
}
