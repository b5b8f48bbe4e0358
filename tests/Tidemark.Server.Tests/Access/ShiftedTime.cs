namespace Tidemark.Server.Tests.Access;

/// <summary>The machine's clock, and more.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    public TimeSpan By { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + By;
}
