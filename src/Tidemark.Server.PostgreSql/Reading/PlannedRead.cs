using Npgsql;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>A statement of a batch and what becomes of its result.</summary>
internal sealed record PlannedRead(NpgsqlBatchCommand Command, Func<NpgsqlDataReader, CancellationToken, Task> Read);
