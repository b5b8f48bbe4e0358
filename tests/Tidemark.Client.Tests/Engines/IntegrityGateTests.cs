using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Engines;

/// <summary>The gate over a real file, without any server.</summary>
public sealed class IntegrityGateTests
{
    [Fact]
    [Trait("req", "INT-01")]
    [Trait("req", "INT-03")]
    public async Task An_orphan_on_a_required_relation_raises_in_fail_fast_mode_and_names_itself()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors + "PRAGMA foreign_keys = OFF; INSERT INTO book VALUES(5, 99, 't', NULL);");
        var context = Touched(store, "book", 5);
        var e = Assert.Throws<IntegrityViolationException>(() => new IntegrityGate(store.Session, GateMode.FailFast).Check(context));
        Assert.Equal(SyncErrorCode.IntegrityViolation, e.Code);
        Assert.Contains("5 refers to 99", Assert.Single(e.Violations), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "INT-03")]
    [Trait("req", "INT-04")]
    public async Task Warn_only_mode_reports_the_violation_per_relation_instead()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors + "PRAGMA foreign_keys = OFF; INSERT INTO book VALUES(5, 99, 't', NULL);");
        var report = new IntegrityGate(store.Session, GateMode.WarnOnly).Check(Touched(store, "book", 5));
        Assert.Equal(IntegrityStatus.Violations, report.Status);
        Assert.Equal(IntegrityStatus.Violations, report.Relations["book(author_id) -> author"]);
        Assert.Equal(IntegrityStatus.Ok, report.Relations["book(sequel_of) -> book"]);
        Assert.Single(report.Violations);
    }

    [Fact]
    [Trait("req", "INT-05")]
    public async Task An_orphan_on_an_optional_relation_is_a_warning_and_the_check_passes()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors + "PRAGMA foreign_keys = OFF; INSERT INTO author VALUES(1, 'a', NULL); INSERT INTO book VALUES(5, 1, 't', 77);");
        var report = new IntegrityGate(store.Session, GateMode.FailFast).Check(Touched(store, "book", 5));
        Assert.Equal(IntegrityStatus.Ok, report.Status);
        Assert.Equal("77", Assert.Single(report.Warnings).MissingParent);
    }

    [Fact]
    [Trait("req", "INT-01")]
    [Trait("req", "INT-07")]
    public async Task A_deleted_parent_is_found_from_the_target_side()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors + "PRAGMA foreign_keys = OFF; INSERT INTO book VALUES(5, 1, 't', NULL);");
        var context = new SyncBatchContext(Guid.Empty);
        context.TouchTarget(store.Table("author"), EntityKey.Of(1));
        Assert.Throws<IntegrityViolationException>(() => new IntegrityGate(store.Session, GateMode.FailFast).Check(context));
    }

    [Fact]
    [Trait("req", "INT-04")]
    public async Task A_check_that_cannot_run_says_that_integrity_is_unknown()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors);
        store.Session.Db.Execute("DROP TABLE book");
        var e = Assert.Throws<IntegrityCheckExecutionException>(() => new IntegrityGate(store.Session, GateMode.FailFast).Check(Touched(store, "book", 5)));
        Assert.Equal(SyncErrorCode.IntegrityCheckFailed, e.Code);
    }

    [Fact]
    [Trait("req", "INT-02")]
    [Trait("req", "INT-06")]
    public async Task Both_queries_go_by_keys_and_never_scan_the_table()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors);
        var edge = store.Session.Model.Graph.Edges.First(e => e.Relation.Required);
        var (child, parent) = (store.Table("book"), store.Table("author"));
        var context = Touched(store, "book", 5);
        context.TouchTarget(parent, EntityKey.Of(1));
        new IntegrityGate(store.Session, GateMode.WarnOnly).Check(context);
        foreach (var sql in new[] { IntegrityGate.BuildOrphanDetectionQuery(edge, child, parent), IntegrityGate.BuildTargetSideOrphanQuery(edge, child, parent) })
        {
            var plan = store.Session.Db.Query("EXPLAIN QUERY PLAN " + sql, s => s.ColumnText(3)!);
            Assert.DoesNotContain(plan, p => p.StartsWith("SCAN c", StringComparison.Ordinal) || p.StartsWith("SCAN p", StringComparison.Ordinal));
        }
    }

    private static SyncBatchContext Touched(TestStore store, string type, long id)
    {
        var context = new SyncBatchContext(Guid.Empty);
        context.TouchSource(store.Table(type), EntityKey.Of(id));
        return context;
    }
}
