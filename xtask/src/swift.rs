//! `cargo xtask swift`: SwiftPM, with what it must be told to find the core. On a Debian without Swift, one in a folder of
//! its own is used, which is made when it is not there.

use std::io;
use std::process::{Command, ExitCode, Stdio};

use crate::{cargo, paths};

/// Where the sources are that are formatted.
const SOURCES: [&str; 3] = ["Package.swift", "bindings/swift", "ios"];

/// Lints and tests; or, with arguments, calls `swift` with them.
pub fn call(arguments: &[&str]) -> ExitCode {
    ended(if arguments.is_empty() { check() } else { swift(arguments) })
}

/// Builds the library for Apple's platforms, as a release of the Swift package has it.
pub fn xcframework() -> ExitCode {
    ended(run(&mut Command::new("ios/build-xcframework.sh"), "ios/build-xcframework.sh"))
}

fn ended(called: io::Result<()>) -> ExitCode {
    match called {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> io::Result<()> {
    swift(&[&["format", "lint", "--strict", "--recursive"], &SOURCES[..]].concat())?;
    // Those in `Alone` look at the whole process: others would be in their way.
    swift(&["test", "--skip", "Alone"])?;
    swift(&["test", "--filter", "Alone"])?;
    if cfg!(target_os = "linux") {
        // Elsewhere the real modules are there.
        run(command("bash")?.args(["ios/check.sh", "swiftc"]), "the check of ios")?;
        run(command("bash")?.arg("bindings/swift/docs.sh"), "the documentation of MizuSync")?;
    }
    Ok(())
}

fn swift(arguments: &[&str]) -> io::Result<()> {
    let mut command = command("swift")?;
    let (first, rest) = arguments.split_first().unwrap_or((&"--version", &[]));
    command.arg(first);
    if ["build", "test", "run"].contains(first) {
        command.args(["--scratch-path", "target/swift"]);
    }
    run(command.args(rest), &format!("swift {}", arguments.join(" ")))
}

fn run(command: &mut Command, what: &str) -> io::Result<()> {
    if command.stdin(Stdio::null()).status()?.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{what} has failed")))
}

/// A program that comes with Swift, or is called where that is.
fn command(program: &str) -> io::Result<Command> {
    let on_path = Command::new("swift").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if on_path.is_ok_and(|status| status.success()) {
        return Ok(cargo::other(program.as_ref()));
    }
    let scripts = paths::root().join("bindings/swift/linux");
    if !cfg!(target_os = "linux") {
        return Err(missing());
    }
    let made = Command::new(scripts.join("setup-swift.sh")).stdout(Stdio::null()).status()?;
    if !made.success() {
        return Err(missing());
    }
    let mut command = cargo::other(scripts.join("in-swift.sh").as_ref());
    command.args(["--", program]);
    Ok(command)
}

fn missing() -> io::Error {
    let how = "swift is missing: install Swift 6 from https://swift.org; on Debian, as root, it is set up by itself";
    io::Error::new(io::ErrorKind::NotFound, how)
}
