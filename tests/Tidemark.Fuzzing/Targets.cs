using Tidemark.Fuzzing.Device;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Server;
using Tidemark.Fuzzing.Wire;

namespace Tidemark.Fuzzing;

/// <summary>Every target, by name.</summary>
public static class Targets
{
    /// <summary>In the order they are run.</summary>
    public static IReadOnlyDictionary<string, Func<IFuzzTarget>> All { get; } = new Dictionary<string, Func<IFuzzTarget>>(StringComparer.Ordinal)
    {
        ["canonical"] = () => new CanonicalTarget(),
        ["push-body"] = () => new PushBodyTarget(),
        ["changes-page"] = () => new ChangesPageTarget(),
        ["model-json"] = () => new ModelJsonTarget(),
        ["messages"] = () => new MessagesTarget(),
        ["sql-text"] = () => new SqlTextTarget(),
        ["push-server"] = () => new PushServerTarget(),
        ["changes-request"] = RequestTarget.Changes,
        ["verdicts-request"] = RequestTarget.Verdicts,
        ["rows-request"] = RequestTarget.Rows,
        ["checksums-request"] = RequestTarget.Checksums,
        ["cursor"] = () => new CursorTarget(),
        ["model-server"] = () => new ModelServerTarget(),
        ["http"] = () => new HttpTarget(),
        ["refusal"] = () => new RefusalTarget(),
        ["answers"] = () => new AnswersTarget(),
        ["schema"] = () => new SchemaTarget(),
        ["store-file"] = () => new StoreFileTarget(),
        ["server-file"] = () => new ServerFileTarget(),
    };
}
