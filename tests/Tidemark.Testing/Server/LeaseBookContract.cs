using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>The lease book of a storage engine: one change at a time, whoever makes it.</summary>
public abstract class LeaseBookContract : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private IServerStore? _store;

    private IServerStore Store => _store ??= OpenStore(new ServerEnvironment { Time = new ManualTime() });

    protected abstract IServerStore OpenStore(ServerEnvironment environment);

    [Fact]
    [Trait("req", "SRV-08")]
    public async Task What_a_change_leaves_is_the_book_from_then_on()
    {
        Assert.Empty(await Store.ReadLeasesAsync(None));
        var (held, waiting) = (Line(1, LeaseState.Held), Line(2, LeaseState.Waiting));
        Assert.Equal("done", await Store.ChangeLeasesAsync(book => (new List<StoredLease> { held, waiting }, "done"), None));
        Assert.Equal([held, waiting], await Store.ReadLeasesAsync(None));
        var renewed = held with { Expires = long.MaxValue };
        await Store.ChangeLeasesAsync(book => (book.Where(l => l.Id == held.Id).Select(_ => renewed).ToList(), 0), None);
        Assert.Equal([renewed], await Store.ReadLeasesAsync(None));
    }

    [Fact]
    [Trait("req", "SRV-08")]
    public async Task A_change_that_fails_changes_nothing()
    {
        var line = Line(1, LeaseState.Served);
        await Store.ChangeLeasesAsync(_ => (new List<StoredLease> { line }, 0), None);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Store.ChangeLeasesAsync<int>(_ => throw new InvalidOperationException(), None));
        await Assert.ThrowsAnyAsync<Exception>(async () => await Store.ChangeLeasesAsync(_ => (new List<StoredLease> { Line(2, LeaseState.Held), Line(2, LeaseState.Waiting) }, 0), None));
        Assert.Equal([line], await Store.ReadLeasesAsync(None));
    }

    [Fact]
    [Trait("req", "SRV-08")]
    public async Task Changes_at_once_come_one_after_the_other()
    {
        Assert.Empty(await Store.ReadLeasesAsync(None));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(async () =>
            await Store.ChangeLeasesAsync(book => (book.Append(Line(book.Count + 1, LeaseState.Waiting)).ToList(), 0), None))));
        Assert.Equal(Enumerable.Range(1, 50).Select(i => (long)i), (await Store.ReadLeasesAsync(None)).Select(l => l.Since));
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    private static StoredLease Line(int number, LeaseState state) =>
        new(new Guid(number, 0, 0, new byte[8]), new UserId("anna"), "device", state, number, 100 + number);
}
