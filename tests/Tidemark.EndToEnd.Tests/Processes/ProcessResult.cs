using System.Globalization;
using System.Text.Json;

namespace Tidemark.EndToEnd.Tests.Processes;

/// <summary>What a process left behind.</summary>
internal sealed record ProcessResult(string Command, int ExitCode, string Output, string Errors)
{
    /// <summary>Standard output as one JSON document; anything else on it fails the test.</summary>
    public JsonElement Json()
    {
        try
        {
            using var document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new Xunit.Sdk.XunitException($"Standard output is not one JSON document ({e.Message}).\n{this}", e);
        }
    }

    public ProcessResult Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, string.Create(CultureInfo.InvariantCulture, $"Expected exit code {exitCode}.\n{this}"));
        return this;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"$ {Command}\nexit code {ExitCode}\n--- standard output\n{Output}\n--- standard error\n{Errors}");
}
