global using Tidemark.Testing;
global using Xunit;
