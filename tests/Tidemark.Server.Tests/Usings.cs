global using Xunit;

[assembly: AssemblyFixture(typeof(Tidemark.Testing.Postgres.ClusterEnd))]
