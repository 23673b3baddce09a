//! What is checked: one target for each system.

/// A system that apps run on.
pub struct Target {
    /// As rustc and cargo call it.
    pub name: &'static str,
    /// The nearest system whose C headers Zig brings along.
    pub nearest: &'static str,
    /// Commands of which one succeeds where build scripts find a C compiler by themselves.
    pub compilers: &'static [&'static [&'static str]],
    /// Where such a compiler comes from.
    pub compiler_from: &'static str,
}

/// All of them. One processor is enough: the SDK has no code for any.
pub const TARGETS: &[Target] = &[
    Target {
        name: "aarch64-linux-android",
        nearest: "aarch64-linux-musl",
        compilers: &[
            &["aarch64-linux-android21-clang", "--version"],
            &["aarch64-linux-android-clang", "--version"],
            &["aarch64-linux-android-gcc", "--version"],
        ],
        compiler_from: "Android's NDK, its clang on PATH",
    },
    Target {
        name: "aarch64-apple-ios",
        nearest: "aarch64-macos",
        compilers: &[&["xcrun", "--sdk", "iphoneos", "--show-sdk-path"]],
        compiler_from: "Xcode",
    },
];

impl Target {
    /// The name as a part of a variable's name: `CC_aarch64_apple_ios`.
    pub fn in_variables(&self) -> String {
        self.name.replace('-', "_")
    }
}
