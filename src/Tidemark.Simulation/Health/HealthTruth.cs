using System.Security.Cryptography;
using System.Text.Json;
using Tidemark.Health.Sources;
using Tidemark.Model.Health;

namespace Tidemark.Simulation.Health;

/// <summary>What happened to the body's samples, whoever knows of it yet.</summary>
internal sealed class HealthTruth(HealthRun run)
{
    private readonly Dictionary<Guid, HealthSample> _living = [];

    public void Put(HealthSample sample) => _living[sample.Id] = sample;

    /// <summary>This version is the last word.</summary>
    public bool Holds(HealthSample sample) => _living.TryGetValue(sample.Id, out var last) && last.Version == sample.Version;

    public HealthSample Last(Guid sample) => _living[sample];

    public bool Lives(Guid sample) => _living.ContainsKey(sample);

    public void Delete(HealthSample sample) => _living.Remove(sample.Id);

    /// <summary>Deletions of workouts that a source forgot before its phone had looked: the row may stay.</summary>
    public HashSet<string> Forgotten { get; } = new(StringComparer.Ordinal);

    /// <summary>The workouts that live and that a phone was told of, and what their rows are to say.</summary>
    public Dictionary<string, string> Workouts() =>
        run.Phones.SelectMany(p => p.Source.Told(HealthTypes.Workout, 0, p.Source.End)).Where(c => c.Sample is not null && Lives(c.Id)).Select(c => c.Id).Distinct().ToDictionary(HealthRows.NameOf, id => _living[id].Category!, StringComparer.Ordinal);

    private static byte[] WaveformOf(HealthSample ecg)
    {
        using var json = JsonDocument.Parse(ecg.Extra!.Value.Utf8);
        return json.RootElement.GetProperty("waveform").GetBytesFromBase64();
    }

    /// <summary>What a sample says that its large part is named; null: it has none that went by itself.</summary>
    public static string? BlobOf(ReadOnlyMemory<byte>? extra)
    {
        if (extra is not { Length: > 0 } utf8)
        {
            return null;
        }

        using var json = JsonDocument.Parse(utf8);
        return json.RootElement.TryGetProperty("blob", out _) ? json.RootElement.GetProperty("sha256").GetString() : null;
    }

    /// <summary>A phone says that the server has all of this.</summary>
    public void CheckAcknowledged(HealthPhone phone, IReadOnlyList<HealthChange> changes)
    {
        if (changes.Count == 0 || run.Violation is not null)
        {
            return;
        }

        var stored = run.OnServer();
        foreach (var change in changes)
        {
            if (!stored.TryGetValue(change.Id, out var there) || there.Version < change.Version || (change.Sample is null && !there.IsDeleted && there.Version == change.Version))
            {
                run.Violate("acknowledged", $"{phone.Name}: {(change.Sample is null ? "the deletion of" : "the sample")} {change.Id} version {change.Version} lies before the acknowledged anchor; the server has {(stored.ContainsKey(change.Id) ? there.ToString() : "nothing")}");
            }
        }
    }

    /// <summary>When everybody has heard of everything and the network was there.</summary>
    public void CheckServer()
    {
        var server = run.OnServer();
        foreach (var lost in _living.Values.Where(s => !server.TryGetValue(s.Id, out var there) || there.IsDeleted || there.Version != s.Version || there.Value != s.Value).Take(1))
        {
            run.Violate("lost sample", $"{lost.Type} {lost.Id} version {lost.Version} is not on the server as it is: there is {(server.TryGetValue(lost.Id, out var there) ? there.ToString() : "none")}");
        }

        foreach (var ecg in _living.Values.Where(s => s.Kind == HealthKind.Ecg && server.TryGetValue(s.Id, out var row) && row.Version == s.Version))
        {
            var name = Convert.ToHexStringLower(SHA256.HashData(WaveformOf(ecg)));
            if (server[ecg.Id].Blob != name || run.Backend.BlobOf(name) != name)
            {
                run.Violate("blob", $"the waveform of {ecg.Id} is {name}; its row says {server[ecg.Id].Blob ?? "none"}, and there is {run.Backend.BlobOf(name) ?? "none"}");
                break;
            }
        }

        foreach (var (id, more) in server.Where(s => !s.Value.IsDeleted && !_living.ContainsKey(s.Key)).Take(1))
        {
            run.Violate("deleted sample", $"{id} version {more.Version} was deleted, and lives on the server");
        }
    }
}
