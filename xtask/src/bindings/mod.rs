//! `cargo xtask bindings`: the Kotlin and Swift sides of the boundary, generated into folders for builds.

mod kotlin;
mod swift;

use std::fs;
use std::io;
use std::path::Path;

use crate::{cargo, paths};

/// Builds the native library for this machine, and generates from it. It is not stripped: what the generator reads of it
/// would be gone.
pub fn generate() -> io::Result<()> {
    run(&["build", "-p", "mizu-sync-native"])?;
    let built = paths::target().join("debug");
    let library = built.join(library_name());

    let kotlin = paths::target().join("bindings").join("kotlin");
    generate_from(&library, "kotlin", &kotlin)?;
    kotlin::hide(&kotlin)?;
    println!("the Kotlin side of the boundary is in {}", kotlin.display());

    let swift = paths::swift_bindings();
    generate_from(&library, "swift", &swift)?;
    swift::lay_out(&swift, &built)?;
    println!("the Swift side of the boundary is in {}", swift.display());
    Ok(())
}

/// Generates one side into a folder that is empty before.
fn generate_from(library: &Path, language: &str, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let library = library.display().to_string();
    let output = folder.display().to_string();
    let generator = ["run", "--quiet", "--profile", "tool", "-p", "mizu-sync-uniffi-bindgen", "--"];
    let asked = ["generate", &library, "--language", language, "--no-format", "--out-dir", &output];
    run(&[&generator[..], &asked].concat())
}

fn run(arguments: &[&str]) -> io::Result<()> {
    let status = cargo::command().args(arguments).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("cargo {} has failed", arguments.join(" "))))
}

const fn library_name() -> &'static str {
    if cfg!(target_os = "macos") {
        "libmizu_sync_native.dylib"
    } else if cfg!(windows) {
        "mizu_sync_native.dll"
    } else {
        "libmizu_sync_native.so"
    }
}
