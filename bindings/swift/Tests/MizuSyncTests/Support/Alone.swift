import Testing

/// Tests that look at the whole process, and so are run by themselves: `cargo xtask swift` does.
@Suite(.serialized)
enum Alone {}
