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

    /// <summary>A hundred waveforms inside of their samples are more than a server takes in one request.</summary>
    [Fact]
    public async Task Large_parts_inside_of_their_samples_go_a_few_at_a_time()
    {
        for (var i = 0; i < 100; i++)
        {
            _source.Add(Large(i, 150_000));
        }

        var report = await Drive(Ingest(new Inline(_server)).RunWindowAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Done, 100L), (report.Outcome, report.Applied));
        Assert.Equal(100, _server.Samples.Count);
        Assert.InRange(_server.LargestBatch, 1, 5 << 20);
    }

    /// <summary>A route of hours to a server without blobs: no such sample is taken there, and it must neither get lost nor stand in the way.</summary>
    [Fact]
    [Trait("req", "HLT-14")]
    [Trait("req", "HLT-16")]
    public async Task What_no_server_takes_inside_of_a_sample_is_kept_with_the_reason_and_goes_when_large_parts_go_by_themselves()
    {
        _source.Add(Large(0, 300_000));
        _source.Add(Large(1, 1000));
        var ingest = Ingest(new Inline(_server));
        var report = await Drive(ingest.RunWindowAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Done, 1L, 1L, 0L), (report.Outcome, report.Applied, report.Rejected, report.Waiting));
        Assert.StartsWith("BLOBS_NEEDED", Assert.Single(await _store.ReadAsync(() => _store.Queue.Rejected(10), Cancel)).Reason, StringComparison.Ordinal);
        Assert.Equal(1, ingest.Status.Rejected);
        Assert.Equal(0, (await Drive(Ingest(new Inline(_server)).RunWindowAsync(null, Cancel))).Applied);

        _server.BytesPerSecond = 10_000_000;
        Reopen();
        Assert.Equal((HealthOutcome.Done, 1L, 0L), (await Drive(Ingest().RunWindowAsync(null, Cancel))) is var window ? (window.Outcome, window.Applied, window.Rejected) : default);
        Assert.Contains("\"blob\":300000", Encoding.UTF8.GetString(_server.Samples[^1].Extra!.Value.Utf8.Span), StringComparison.Ordinal);
        Assert.Empty(await _store.ReadAsync(() => _store.Queue.Rejected(10), Cancel));
    }

    private static HealthSample Large(int number, int bytes) => new()
    {
        Id = new Guid(number, 1, 2, [8, 1, 2, 3, 4, 5, 6, 7]),
        Kind = HealthKind.Ecg,
        Type = HealthTypes.Ecg,
        StartMs = 1_700_000_000_000 + (number * 60_000L),
        EndMs = 1_700_000_030_000 + (number * 60_000L),
        Category = "SinusRhythm",
        Origin = new HealthOrigin { Source = "Watch" },
        Extra = new RawJson(Encoding.UTF8.GetBytes($"{{\"sha256\":\"x\",\"waveform\":\"{Convert.ToBase64String(new byte[bytes])}\"}}")),
    };

    /// <summary>The same server for an app that sends everything inside of samples.</summary>
    private sealed class Inline(SlowServer server) : IHealthUploader
    {
        public Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken) => server.SendAsync(batch, cancellationToken);
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

    private HealthIngest Ingest(IHealthUploader? server = null) => new(_store, new HealthSync(_store, _source, server ?? _server, "phone", new HealthSyncOptions(), _store.Environment), _store.Environment) { IsAlone = true };

    private void Reopen()
    {
        _store?.Dispose();
        _store = HealthStore.Open(_folder.File("device.db"), new SyncEnvironment { Time = _time, Random = static b => b.Fill(0x80), Transport = static () => throw new NotSupportedException(), ProcessName = "one", IsAlive = static _ => true }, Durability.Off);
    }

    private Task<T> Drive<T>(Task<T> task) => _time.DriveAsync(task);

    /// <summary>Keeps what came of a piece that was broken off, as the real one does.</summary>
    private sealed class SlowServer(VirtualTime time) : IHealthUploader, IHealthBlobUploader
    {
        private readonly MemoryStream _partial = new();
        private bool _isOpen;
        private long _length;

        public int BytesPerSecond { get; set; } = 1000;

        public int Arrived { get; set; }

        public byte[]? Blob { get; private set; }

        public bool WasThereFirst { get; private set; } = true;

        public List<HealthSample> Samples { get; } = [];

        public int LargestBatch { get; private set; }

        public bool TakesBlobs => true;

        public void Forget()
        {
            _isOpen = false;
            _partial.SetLength(0);
        }

        public Task<bool> HasBlobAsync(string sha256, CancellationToken cancellationToken) => Task.FromResult(Blob is not null && Convert.ToHexStringLower(SHA256.HashData(Blob)) == sha256);

        public Task<string> CreateBlobAsync(string sha256, long length, CancellationToken cancellationToken)
        {
            (_isOpen, _length) = (true, length);
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

            if (_partial.Length == _length)
            {
                (Blob, _isOpen) = (_partial.ToArray(), false);
                return _length;
            }

            return _partial.Length;
        }

        public Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
        {
            var read = HealthBatch.Read(batch.Span, 100);
            LargestBatch = Math.Max(LargestBatch, batch.Length);
            WasThereFirst &= Blob is not null;
            Samples.AddRange(read.Samples.OfType<HealthSample>());
            return Task.FromResult(new HealthBatchResponse { Verdicts = [.. read.Samples.Select(_ => HealthVerdict.Applied)] });
        }
    }
}
