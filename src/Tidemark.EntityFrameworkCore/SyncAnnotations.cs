namespace Tidemark.EntityFrameworkCore;

/// <summary>The names of the annotations that <see cref="SyncModelExtensions"/> writes and <see cref="EfSyncModel"/> reads. Values are enum names, texts or true, so that a migration's snapshot keeps them.</summary>
public static class SyncAnnotations
{
    public const string NotSynced = "Tidemark:NotSynced";
    public const string Identity = "Tidemark:Identity";
    public const string DeletePolicy = "Tidemark:DeletePolicy";
    public const string ConflictFree = "Tidemark:ConflictFree";
    public const string CustomMerge = "Tidemark:CustomMerge";
    public const string SoftDelete = "Tidemark:SoftDelete";
    public const string NaturalKeys = "Tidemark:NaturalKeys";
    public const string UniqueRule = "Tidemark:UniqueRule";
    public const string Policy = "Tidemark:Policy";
    public const string ArrayKey = "Tidemark:ArrayKey";
    public const string States = "Tidemark:States";
    public const string Clock = "Tidemark:Clock";
    public const string ServerDerived = "Tidemark:ServerDerived";
    public const string FieldType = "Tidemark:FieldType";
    public const string StorageForm = "Tidemark:StorageForm";
}
