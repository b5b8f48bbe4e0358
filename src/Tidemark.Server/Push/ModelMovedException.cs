using Tidemark.Model.Protocol;

namespace Tidemark.Server.Push;

/// <summary>The space has another model than the one the commands were read with; they are read again.</summary>
internal sealed class ModelMovedException() : ServerException(Problems.Describe(ErrorCodes.Unavailable, "The model is being changed."));
