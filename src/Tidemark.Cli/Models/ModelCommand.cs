using System.CommandLine;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Models;

/// <summary>`tidemark model ...`: work on model files alone, no database needed.</summary>
internal static class ModelCommand
{
    public static Command Create() => Verb.Create(
        "model",
        "Check, show or compare model files.",
        ModelValidateVerb.Create(),
        ModelShowVerb.Create(),
        ModelDiffVerb.Create());
}
