using Tidemark.Client.Handlers;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Handlers;

/// <summary>The outcome flow of the generic handler, without a store.</summary>
public sealed class ConflictOutcomeTests
{
    private static readonly MergeContext Context = new() { Now = DateTimeOffset.UnixEpoch };

    private static readonly EntityType Note = new()
    {
        Name = "note",
        Fields = [new Field { Name = "id", Nullable = false }, new Field { Name = "title" }, new Field { Name = "mood", Policy = FieldPolicy.Manual }],
        Key = ["id"],
    };

    [Fact]
    [Trait("req", "CON-05")]
    public void No_row_of_the_server_is_skipped_with_what_was_here()
    {
        var resolution = Handle(new ConflictInput(Note, Of("base"), Of("mine"), null));
        Assert.Equal(ConflictOutcome.Skipped, resolution.Outcome);
        Assert.True(resolution.HasConflict);
        Assert.Equal(ConflictOutcome.Skipped, Handle(new ConflictInput(Note, null, null, null)).Outcome);
    }

    [Fact]
    [Trait("req", "CON-05")]
    [Trait("req", "CON-06")]
    public void Conflict_free_types_adopt_the_server() =>
        Assert.Equal(ConflictOutcome.AdoptServer, Handle(new ConflictInput(Note with { ConflictFree = true }, null, Of("mine", type: Note with { ConflictFree = true }), Of("theirs"))).Outcome);

    [Fact]
    [Trait("req", "CON-05")]
    public void A_merge_is_rebased_adopted_when_nothing_is_left_and_asked_about_when_a_policy_or_a_custom_merge_says_so()
    {
        Assert.Equal(ConflictOutcome.RebaseAndRetry, Handle(new ConflictInput(Note, Of("base"), Of("mine"), Of("theirs"))).Outcome);
        Assert.Equal(ConflictOutcome.AdoptServer, Handle(new ConflictInput(Note, Of("base"), Of("theirs"), Of("theirs"))).Outcome);
        var manual = Handle(new ConflictInput(Note, Of("base"), Of("base", "mine"), Of("base", "theirs")));
        Assert.Equal(ConflictOutcome.ManualRequired, manual.Outcome);
        Assert.Contains("mood", manual.Reason, StringComparison.Ordinal);
        var custom = Note with { CustomMerge = "m" };
        var failing = Context with { Merges = new CustomMergeRegistry().Add("m", _ => CustomMergeResult.Manual("two meanings")) };
        Assert.Equal(ConflictOutcome.ManualRequired, new GenericSyncHandler().HandleConflict(new ConflictInput(custom, Of("base"), Of("mine"), Of("theirs")), failing).Outcome);
    }

    [Fact]
    [Trait("req", "CON-11")]
    public void A_row_that_was_rebased_too_often_is_asked_about_unless_nothing_is_left_to_send()
    {
        Assert.Equal(ConflictOutcome.ManualRequired, Handle(new ConflictInput(Note, Of("base"), Of("mine"), Of("theirs")) { IsOutOfRebases = true }).Outcome);
        Assert.Equal(ConflictOutcome.AdoptServer, Handle(new ConflictInput(Note, Of("base"), Of("same"), Of("same")) { IsOutOfRebases = true }).Outcome);
    }

    [Fact]
    [Trait("req", "CON-08")]
    public void Delete_against_update_goes_by_the_type_and_is_never_half_a_row()
    {
        var wins = Note with { DeletePolicy = DeletePolicy.DeleteWins };
        foreach (var (type, local, remote, outcome, merged) in new (EntityType, Row?, Row?, ConflictOutcome, Row?)[]
        {
            (Note, Of("mine"), null, ConflictOutcome.RebaseAndRetry, Of("mine")),
            (wins, Of("mine"), null, ConflictOutcome.AdoptServer, null),
            (Note, null, Of("theirs"), ConflictOutcome.AdoptServer, Of("theirs")),
            (wins, null, Of("theirs"), ConflictOutcome.RebaseAndRetry, null),
        })
        {
            var resolution = Handle(new ConflictInput(type, Of("base"), local, remote) { IsRemoteDeleted = remote is null });
            Assert.Equal(outcome, resolution.Outcome);
            Assert.Equal(merged is null, resolution.Merged is null);
            Assert.True(merged is null || merged.SameAs(resolution.Merged!));
            Assert.True(resolution.HasConflict);
        }

        Assert.False(Handle(new ConflictInput(Note, Of("base"), Of("base"), null) { IsRemoteDeleted = true }).HasConflict);
    }

    private static ConflictResolution Handle(ConflictInput input) => new GenericSyncHandler().HandleConflict(input, Context);

    private static Row Of(string title, string mood = "calm", EntityType? type = null) => new(type ?? Note, [Value.Integer(1), Value.Text(title), Value.Text(mood)]);
}
