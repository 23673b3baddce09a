//! The programs that tests start: examples and the server.
//!
//! # Idea
//! `cargo test --test X` builds neither, so they are built here, with the profile of the running test and into
//! the same target folder. A build with other features replaces the program at its usual place; hence each kind
//! is copied to a name of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Paths of the programs.
pub struct Programs {
    pub todo: PathBuf,
    pub server: PathBuf,
}

const SERVER: &str = "mizu-sync-server";

impl Programs {
    /// Builds them, or finds them built: as a user has them, or with a feature that both have.
    pub fn build(feature: Option<&str>) -> Self {
        let todo = built(feature, "mizu-sync", ["--example", "todo"]);
        Self { todo, server: server(feature) }
    }
}

/// Builds the server, or finds it built.
pub fn server(feature: Option<&str>) -> PathBuf {
    built(feature, SERVER, ["--bin", SERVER])
}

/// A program of one package: of several together they would need other features of their dependencies, and build those
/// again.
fn built(feature: Option<&str>, package: &str, program: [&str; 2]) -> PathBuf {
    let folder = profile_folder();
    let copies = folder.join("test-programs").join(feature.unwrap_or("plain"));
    fs::create_dir_all(&copies).expect("a folder in the target folder");
    // Another test may build the other kind just now.
    let lock = File::create(folder.join("test-programs/lock")).expect("a file in the target folder");
    lock.lock().expect("a lock on it");
    run_cargo(&folder, package, program, feature);
    let [kind, name] = program;
    let from = if kind == "--example" { folder.join("examples") } else { folder };
    copy(&from, name, &copies)
}

/// Builds an example of the SDK, as a user has it, or finds it built.
pub fn example(name: &str) -> PathBuf {
    let folder = profile_folder();
    run_cargo(&folder, "mizu-sync", ["--example", name], None);
    folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// `target/debug` for a test in `target/debug/deps`.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    test.ancestors().nth(2).expect("a test lies in deps").to_owned()
}

fn run_cargo(folder: &Path, package: &str, program: [&str; 2], feature: Option<&str>) {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", package, "--profile", profile])
        .args(program)
        .args(feature.map(|feature| ["--features", feature]).into_iter().flatten())
        .arg("--target-dir")
        .arg(folder.parent().expect("the profile's folder lies in the target folder"))
        .stdin(Stdio::null());
    // What cargo tells this test of its package would make build scripts believe that they must run again.
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
        if name.to_str().is_some_and(|name| told.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(name);
        }
    }
    let built = cargo.status().expect("cargo can be started");
    assert!(built.success(), "{package} does not build");
}

/// Replaces the copy as a whole: a process may still run from the former one.
fn copy(from: &Path, name: &str, to: &Path) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let (target, fresh) = (to.join(&file), to.join(format!("{file}.new")));
    fs::copy(from.join(&file), &fresh).expect("the program was built");
    fs::rename(&fresh, &target).expect("the copy can be renamed");
    target
}
