//! The steps of `cargo xtask test`.
//!
//! Cargo builds a crate once for each set of features. Steps with the same set stand together, and those with
//! planted bugs come last.

/// One call of a program.
pub struct Step {
    /// As it is selected and summed up.
    pub name: &'static str,
    /// What it proves.
    pub about: &'static str,
    /// Which.
    pub program: Program,
    /// What follows its name.
    pub arguments: &'static [&'static str],
    /// Variables of the environment beside those of this process.
    pub environment: &'static [(&'static str, &'static str)],
    /// Whether it runs tests. It then fails if it ran none.
    pub has_tests: bool,
    /// Whether it is left out where no step is named.
    pub only_by_name: bool,
}

/// What a step calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The cargo that runs this.
    Cargo,
    /// Maven, which builds the Kotlin side.
    Maven,
}

impl Program {
    /// The name of its command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Maven => "mvn",
        }
    }

    /// How to get it, where it is missing.
    pub const fn how_to_get(self) -> &'static str {
        match self {
            Self::Cargo => "install Rust with rustup, see https://rustup.rs",
            Self::Maven => {
                "install Maven and a JDK 17 or newer: apt install maven openjdk-17-jdk-headless, for instance"
            }
        }
    }
}

/// A step that only succeeds or fails.
const CHECK: Step = Step {
    name: "",
    about: "",
    program: Program::Cargo,
    arguments: &[],
    environment: &[],
    has_tests: false,
    only_by_name: false,
};

/// All steps, in the order in which they are run.
pub const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "every file is formatted",
        arguments: &["fmt", "--all", "--check"],
        ..CHECK
    },
    Step {
        name: "lint",
        about: "clippy has no warning in what is shipped, with the features that are",
        // The simulator would switch a feature of the SDK on, and so would the tests and the library for Kotlin.
        arguments: &[
            "clippy",
            "--workspace",
            "--exclude",
            "mizu-sync-simulator",
            "--exclude",
            "mizu-sync-native",
            "--exclude",
            "mizu-sync-uniffi-bindgen",
            "--",
            "-D",
            "warnings",
        ],
        ..CHECK
    },
    Step {
        name: "lint-tests",
        about: "clippy has no warning, with the features for tests and for other languages",
        arguments: &[
            "clippy",
            "--workspace",
            "--exclude",
            "mizu-sync-simulator",
            "--exclude",
            "mizu-sync-uniffi-bindgen",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        ..CHECK
    },
    Step {
        name: "docs",
        about: "the documentation builds without a warning",
        arguments: &[
            "doc",
            "--no-deps",
            "--workspace",
            "--exclude",
            "mizu-sync-native",
            "--exclude",
            "mizu-sync-uniffi-bindgen",
            "--features",
            "mizu-sync/ffi",
        ],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        ..CHECK
    },
    Step {
        name: "quickstart",
        about: "the example that README begins with ends well",
        arguments: &["run", "--example", "quickstart"],
        ..CHECK
    },
    Step {
        name: "tests",
        about: "unit, integration and doc tests of all packages, and real processes killed at random",
        arguments: &[
            "test",
            "--workspace",
            "--exclude",
            "mizu-sync-reactive-model",
            "--exclude",
            "mizu-sync-uniffi-bindgen",
            "--no-fail-fast",
        ],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "bindings",
        about: "the native library builds, and the Kotlin and Swift sides of it are generated",
        arguments: &["run", "--quiet", "--package", "xtask", "--", "bindings"],
        ..CHECK
    },
    Step {
        name: "kotlin",
        about: "the Kotlin API on a JVM: formatted, linted, tested with the native library",
        program: Program::Maven,
        arguments: &["--batch-mode", "--no-transfer-progress", "--file", "bindings/kotlin/pom.xml", "verify"],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "android",
        about: "the Android layer under Robolectric, the sample compiled, an app that was shrunk by R8",
        program: Program::Maven,
        // The step before has checked the Kotlin API.
        arguments: &[
            "--batch-mode",
            "--no-transfer-progress",
            "--file",
            "android/check/pom.xml",
            "-Dmizu.unchecked=true",
            "verify",
        ],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "swift",
        about: "the Swift API on Linux: formatted, linted, tested with the native library",
        arguments: &["run", "--quiet", "--package", "xtask", "--", "swift"],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "reactive-model",
        about: "the reactive graph holds in thousands of orders in which threads may run",
        arguments: &["test", "-p", "mizu-sync-reactive-model"],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "simulator",
        about: "clients and server keep their promises in 5,000 simulated runs",
        arguments: &["run", "-p", "mizu-sync-simulator", "--bin", "simulator", "--", "--seeds", "5000"],
        ..CHECK
    },
    Step {
        name: "lint-planted",
        about: "clippy has no warning, with all features",
        arguments: &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        ..CHECK
    },
    Step {
        name: "planted",
        about: "each planted bug does what its name says",
        arguments: &[
            "test",
            "-p",
            "mizu-sync-server",
            "-p",
            "mizu-sync-simulator",
            "--features",
            "planted-bugs",
            "--lib",
            "--test",
            "planted",
        ],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "simulator-planted",
        about: "the simulator finds every planted bug",
        arguments: &[
            "run",
            "-p",
            "mizu-sync-simulator",
            "--features",
            "planted-bugs",
            "--bin",
            "simulator",
            "--",
            "--all-bugs",
        ],
        ..CHECK
    },
    Step {
        name: "kills-planted",
        about: "the kill test finds a planted bug",
        arguments: &["test", "--features", "planted-bugs", "--test", "kills", "--", "--planted"],
        has_tests: true,
        ..CHECK
    },
    Step {
        name: "mobile-check",
        about: "the SDK compiles for Android and iOS, up to linking",
        arguments: &["xtask", "mobile-check"],
        has_tests: true,
        // It needs more of the machine than all the others.
        only_by_name: true,
        ..CHECK
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own_and_says_what_it_proves() {
        let names: HashSet<&str> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
        assert!(STEPS.iter().all(|step| !step.name.is_empty() && !step.about.is_empty()));
    }
}
