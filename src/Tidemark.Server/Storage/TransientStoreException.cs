using Tidemark.Model.Protocol;

namespace Tidemark.Server.Storage;

/// <summary>The storage could not do it this time; nothing of it stays, and the same again may go well: a conflict with another writer, a lost connection before the commit.</summary>
public sealed class TransientStoreException(string detail, Exception? inner = null) : ServerException(Problems.Describe(ErrorCodes.Unavailable, detail), inner);
