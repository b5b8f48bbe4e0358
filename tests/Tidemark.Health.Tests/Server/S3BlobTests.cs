using System.Security.Cryptography;
using Amazon.Runtime;
using Tidemark.Model.Values;
using Tidemark.Server.Blobs;
using Tidemark.Server.S3;

namespace Tidemark.Health.Tests.Server;

/// <summary>Blobs in a bucket: of an object store in this process, or of the one that TIDEMARK_S3 names.</summary>
[Trait("req", "HLT-07")]
public sealed class S3BlobTests : IAsyncLifetime
{
    private static readonly SpaceId Ann = new("u:ann");
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31))];
    private static readonly string Digest = Convert.ToHexStringLower(SHA256.HashData(Bytes));
    private readonly TempFolder _folder = new();
    private FakeBucket _bucket = null!;
    private S3Blobs _store = null!;
    private FileBlobs _blobs = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _bucket = await FakeBucket.StartAsync(Cancel);
        _store = Open(Environment.GetEnvironmentVariable("TIDEMARK_S3") ?? _bucket.Place);
        _blobs = new FileBlobs(_folder.Path, _store);
        await _store.DeleteAsync(Ann, Digest, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _store.Dispose();
        await _bucket.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_upload_is_kept_in_the_bucket_when_it_is_complete_and_nothing_of_it_here()
    {
        var upload = _blobs.Create(Ann, "1", Bytes.Length, Digest, long.MaxValue);
        Assert.Equal(BlobAppend.Kept, await _blobs.AppendAsync(Ann, upload, new MemoryStream(Bytes, 0, 70_000), null, Cancel));
        Assert.Null(await _blobs.OpenAsync(Ann, Digest, Cancel));
        upload = (await _blobs.FindAsync(Ann, "1", Cancel))!;
        Assert.Equal(70_000, upload.Offset);
        Assert.Equal(BlobAppend.Complete, await _blobs.AppendAsync(Ann, upload, new MemoryStream(Bytes, 70_000, 130_000), null, Cancel));
        Assert.Equal(Bytes, await ReadAsync(Ann));
        Assert.Null(await ReadAsync(new SpaceId("u:ben")));
        Assert.Null(await _blobs.FindAsync(Ann, "1", Cancel));
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task What_is_put_twice_is_there_once_and_what_is_deleted_twice_is_gone()
    {
        for (var i = 0; i < 2; i++)
        {
            using var bytes = new MemoryStream(Bytes);
            await _store.PutAsync(Ann, Digest, bytes, Cancel);
        }

        Assert.Equal(Bytes, await ReadAsync(Ann));
        await _store.DeleteAsync(Ann, Digest, Cancel);
        await _store.DeleteAsync(Ann, Digest, Cancel);
        Assert.Null(await ReadAsync(Ann));
    }

    /// <summary>The last piece came and the bucket did not answer: the next question after the upload puts it there.</summary>
    [Fact]
    public async Task An_upload_whose_bucket_was_away_is_completed_by_the_next_request()
    {
        using var store = Open(_bucket.Place);
        var blobs = new FileBlobs(_folder.Path, store);
        var upload = blobs.Create(Ann, "1", Bytes.Length, Digest, long.MaxValue);
        _bucket.IsAway = true;
        await Assert.ThrowsAsync<IOException>(() => blobs.AppendAsync(Ann, upload, new MemoryStream(Bytes), null, Cancel));
        await Assert.ThrowsAsync<IOException>(() => blobs.FindAsync(Ann, "1", Cancel));
        _bucket.IsAway = false;
        Assert.Equal(Bytes.Length, (await blobs.FindAsync(Ann, "1", Cancel))!.Offset);
        Assert.Single(_bucket.Objects);
        Assert.Empty(blobs.Open(Ann));
    }

    [Theory]
    [InlineData("s3://mine", "mine", "", null)]
    [InlineData("s3://mine/health/ecg/", "mine", "health/ecg/", null)]
    [InlineData("http://127.0.0.1:4568/mine", "mine", "", "http://127.0.0.1:4568/")]
    [InlineData("https://store.example/mine/a", "mine", "a/", "https://store.example/")]
    public void A_place_says_bucket_prefix_and_store(string text, string bucket, string prefix, string? endpoint) =>
        Assert.Equal(new S3Place(bucket, prefix, endpoint is null ? null : new Uri(endpoint)), S3Place.Parse(text));

    [Theory]
    [InlineData("mine")]
    [InlineData("http://127.0.0.1:4568/")]
    [InlineData("ftp://host/mine")]
    public void What_is_no_place_is_said_to_be_none(string text) => Assert.Throws<FormatException>(() => S3Place.Parse(text));

    private static S3Blobs Open(string place) => new(S3Place.Parse(place), new BasicAWSCredentials("S3RVER", "S3RVER"));

    private async Task<byte[]?> ReadAsync(SpaceId space)
    {
        await using var stream = await _blobs.OpenAsync(space, Digest, Cancel);
        using var bytes = new MemoryStream();
        await (stream?.CopyToAsync(bytes, Cancel) ?? Task.CompletedTask);
        return stream is null ? null : bytes.ToArray();
    }
}
