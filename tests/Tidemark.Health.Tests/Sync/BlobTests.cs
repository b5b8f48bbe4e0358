using System.Security.Cryptography;
using System.Text;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Sync;

/// <summary>A waveform of 61 KB over a network that carries a kilobyte a second, in windows of thirty.</summary>
[Trait("req", "HLT-07")]
public sealed class BlobTests : IDisposable
{
    private static readonly byte[] Waveform = [.. Enumerable.Range(0, 61_440).Select(i => (byte)(i * 7))];
    private readonly TempFolder _folder = new();
    private readonly VirtualTime _time = new();
    private readonly ProgrammableHealthSource _source = new();
    private readonly SlowServer _server;
    private HealthStore _store = null!;

    public BlobTests()
    {
        _server = new SlowServer(_time);
        Reopen();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    [Trait("req", "HLT-04")]
    public async Task Every_window_makes_progress_and_the_sample_comes_after_its_blob()
    {
        _source.Add(Ecg());
        var windows = 0;
        for (var before = -1L; _server.Samples.Count == 0; windows++)
        {
            Assert.True(_server.Arrived > before, $"window {windows} made no progress at {before}");
            before = _server.Arrived;
            await Drive(Ingest().RunWindowAsync(TimeSpan.FromSeconds(30), Cancel));
            _time.Advance(TimeSpan.FromMinutes(30));
            Reopen(); // The process ends with its window.
        }

        Assert.InRange(windows, 3, 4);
        Assert.Equal(Waveform, _server.Blob);
        Assert.True(_server.WasThereFirst);
        Assert.Equal(Waveform.Length, _server.Arrived);
        Assert.Contains("\"blob\":61440", Encoding.UTF8.GetString(_server.Samples[0].Extra!.Value.Utf8.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_the_server_has_forgotten_begins_again_and_what_another_device_has_brought_is_not_sent()
    {
        _source.Add(Ecg());
        await Drive(Ingest().RunWindowAsync(TimeSpan.FromSeconds(30), Cancel));
        _server.Forget();
        _time.Advance(TimeSpan.FromMinutes(30));
        (_server.BytesPerSecond, _server.Arrived) = (1_000_000, 0);
        Assert.Equal(HealthOutcome.Done, (await Drive(Ingest().RunWindowAsync(null, Cancel))).Outcome);
        Assert.Equal((Waveform.Length, 1), (_server.Arrived, _server.Samples.Count));

        _source.Add(Ecg(version: 1)); // The same waveform, another version of what is said of it.
        Assert.Equal(HealthOutcome.Done, (await Drive(Ingest().RunWindowAsync(null, Cancel))).Outcome);
        Assert.Equal((Waveform.Length, 2), (_server.Arrived, _server.Samples.Count));
    }

    private static HealthSample Ecg(long version = 0) => new()
    {
        Id = new Guid("f47ac10b-58cc-8372-8567-0e02b2c3d479"),
        Version = version,
        Kind = HealthKind.Ecg,
        Type = HealthTypes.Ecg,
        StartMs = 1_700_000_000_000,
        EndMs = 1_700_000_030_000,
        Category = "SinusRhythm",
        Origin = new HealthOrigin { Source = "Watch" },
        Extra = new RawJson(Encoding.UTF8.GetBytes($"{{\"sampleRate\":512,\"sha256\":\"x\",\"waveform\":\"{Convert.ToBase64String(Waveform)}\"}}")),
    };

    private HealthIngest Ingest() => new(_store, new HealthSync(_store, _source, _server, "phone", new HealthSyncOptions(), _store.Environment), _store.Environment) { IsAlone = true };

    private void Reopen()
    {
        _store?.Dispose();
        _store = HealthStore.Open(_folder.File("device.db"), new SyncEnvironment { Time = _time, Random = static b => b.Fill(0x80), Transport = static () => throw new NotSupportedException(), ProcessName = "one", IsAlive = static _ => true }, Durability.Off);
    }

    private async Task<T> Drive<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            if (_time.Waiting > 0)
            {
                _time.Advance(TimeSpan.FromMilliseconds(100));
            }

            await Task.Yield();
        }

        return await task;
    }

    /// <summary>Keeps what came of a piece that was broken off, as the real one does.</summary>
    private sealed class SlowServer(VirtualTime time) : IHealthUploader, IHealthBlobUploader
    {
        private readonly MemoryStream _partial = new();
        private bool _isOpen;

        public int BytesPerSecond { get; set; } = 1000;

        public int Arrived { get; set; }

        public byte[]? Blob { get; private set; }

        public bool WasThereFirst { get; private set; } = true;

        public List<HealthSample> Samples { get; } = [];

        public bool TakesBlobs => true;

        public void Forget()
        {
            _isOpen = false;
            _partial.SetLength(0);
        }

        public Task<bool> HasBlobAsync(string sha256, CancellationToken cancellationToken) => Task.FromResult(Blob is not null && Convert.ToHexStringLower(SHA256.HashData(Blob)) == sha256);

        public Task<string> CreateBlobAsync(string sha256, long length, CancellationToken cancellationToken)
        {
            _isOpen = true;
            return Task.FromResult("u");
        }

        public Task<long?> GetBlobOffsetAsync(string upload, CancellationToken cancellationToken) => Task.FromResult(_isOpen ? _partial.Length : (long?)null);

        public async Task<long?> AppendBlobAsync(string upload, long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
        {
            Assert.True(_isOpen && offset == _partial.Length);
            for (var at = 0; at < piece.Length;)
            {
                var now = Math.Min(BytesPerSecond, piece.Length - at);
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
                _partial.Write(piece.Span.Slice(at, now));
                (at, Arrived) = (at + now, Arrived + now);
            }

            if (_partial.Length == Waveform.Length)
            {
                (Blob, _isOpen) = (_partial.ToArray(), false);
                return Waveform.Length;
            }

            return _partial.Length;
        }

        public Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
        {
            var read = HealthBatch.Read(batch.Span, 100);
            WasThereFirst &= Blob is not null;
            Samples.AddRange(read.Samples.OfType<HealthSample>());
            return Task.FromResult(new HealthBatchResponse { Verdicts = [.. read.Samples.Select(_ => HealthVerdict.Applied)] });
        }
    }
}
