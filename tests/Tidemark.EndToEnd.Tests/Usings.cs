global using Tidemark.Testing;
global using Xunit;

[assembly: AssemblyFixture(typeof(Tidemark.Testing.Postgres.ClusterEnd))]
