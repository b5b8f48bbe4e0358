using Tidemark.Model.Entities;
using Tidemark.Testing.Approvals;
using Xunit;

namespace Tidemark.Model.Tests;

public sealed class PublicSurfaceTests
{
    [Fact]
    [Trait("req", "MOD-01")]
    public void The_public_surface_is_the_approved_one() =>
        Approved.Same("tests/Tidemark.Model.Tests/PublicSurface.txt", PublicSurface.Of(typeof(SyncModel).Assembly));
}
