//! `cargo xtask swift`: SwiftPM, with what it must be told to find the core. On a Debian without Swift, one in a folder of
//! its own is used, which is made when it is not there.

use std::env;
use std::io;
use std::process::{Command, ExitCode, Stdio};

use crate::{cargo, paths};

/// Where the sources are that are formatted.
const SOURCES: [&str; 2] = ["Package.swift", "bindings/swift"];

/// Lints and tests; or, with arguments, calls `swift` with them.
pub fn call(arguments: &[&str]) -> ExitCode {
    let called = if arguments.is_empty() {
        let lint = [&["format", "lint", "--strict", "--recursive"], &SOURCES[..]].concat();
        // Those in `Alone` look at the whole process: others would be in their way.
        swift(&lint)
            .and_then(|()| swift(&["test", "--skip", "Alone"]))
            .and_then(|()| swift(&["test", "--filter", "Alone"]))
    } else {
        swift(arguments)
    };
    match called {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn swift(arguments: &[&str]) -> io::Result<()> {
    let mut command = found()?;
    let (first, rest) = arguments.split_first().unwrap_or((&"--version", &[]));
    command.arg(first);
    if ["build", "test", "run"].contains(first) {
        command.args(["--scratch-path", "target/swift", "-Xlinker"]);
        command.arg(format!("-L{}", paths::swift_bindings().join("lib").display()));
        if cfg!(target_os = "linux") {
            // What imports Observation would look for symbols that the library of it does not need.
            command.args(["-Xlinker", "--unresolved-symbols=ignore-in-shared-libs"]);
        }
    }
    let status = command.args(rest).stdin(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("swift {} has failed", arguments.join(" "))))
}

/// The command that stands for `swift`.
fn found() -> io::Result<Command> {
    let on_path = Command::new("swift").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if on_path.is_ok_and(|status| status.success()) {
        return Ok(cargo::other("swift".as_ref()));
    }
    let scripts = paths::root().join("bindings/swift/linux");
    if !cfg!(target_os = "linux") || env::var_os("MIZU_NO_SWIFT_ROOT").is_some() {
        return Err(missing());
    }
    let made = Command::new(scripts.join("setup-swift.sh")).stdout(Stdio::null()).status()?;
    if !made.success() {
        return Err(missing());
    }
    let mut command = cargo::other(scripts.join("in-swift.sh").as_ref());
    command.args(["--", "swift"]);
    Ok(command)
}

fn missing() -> io::Error {
    let how = "swift is missing: install Swift 6 from https://swift.org; on Debian, as root, it is set up by itself";
    io::Error::new(io::ErrorKind::NotFound, how)
}
