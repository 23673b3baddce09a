//! The call of cargo that checks the SDK for a target.

use std::path::Path;
use std::process::Command;

use super::library::Library;
use super::target::Target;
use crate::cargo;

/// The features that an app on a phone uses, with commas.
const FEATURES: &str = "ffi";

/// What it compiles is thrown away: the optimiser, also the C compiler's, would only take time.
const UNOPTIMISED: &[&str] =
    &["profile.dev.opt-level=0", "profile.dev.debug=false", "profile.dev.package.\"*\".opt-level=0"];

/// The call, for a standard library that is had in this way. It builds in `folder`.
pub fn command(target: &Target, library: &Library, folder: &Path) -> Command {
    let mut command = cargo::command();
    // As `cargo check` does it, but for the SDK itself a warning is an error: what only a phone's code warns of, no
    // other check sees.
    command.args(["rustc", "--profile", "check", "--lib", "--package", "mizu-sync", "--features", FEATURES]);
    command.args(["--target", target.name, "--target-dir"]).arg(folder);
    command.args(UNOPTIMISED.iter().flat_map(|setting| ["--config", setting]));
    if let Library::Sources { rustc } = library {
        command.arg("-Zbuild-std=std,panic_unwind");
        // To build the standard library is not stable yet. The switch holds for all that is compiled here: that the
        // SDK needs no unstable Rust is shown by every other build.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.envs(rustc.iter().map(|rustc| ("RUSTC", rustc)));
    }
    command.args(["--", "-D", "warnings"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile::target::TARGETS;

    /// Its arguments, and the names of the variables it sets.
    fn told(library: &Library) -> (String, Vec<String>) {
        let command = command(&TARGETS[0], library, Path::new("folder"));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        let set = command.get_envs().filter(|(_, value)| value.is_some());
        (arguments.join(" "), set.map(|(name, _)| name.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn stable_cargo_is_used_where_the_standard_library_is_installed() {
        let (arguments, set) = told(&Library::Installed);
        assert!(arguments.contains("--target aarch64-linux-android --target-dir folder"), "{arguments}");
        assert!(!arguments.contains("-Z") && set.is_empty(), "{arguments}");
    }

    #[test]
    fn the_standard_library_is_built_where_only_sources_are_there() {
        let (arguments, set) = told(&Library::Sources { rustc: None });
        assert!(arguments.contains("-Zbuild-std=std,panic_unwind"), "{arguments}");
        assert_eq!(set, ["RUSTC_BOOTSTRAP"]);
        let (_, set) = told(&Library::Sources { rustc: Some("rustc".into()) });
        assert_eq!(set, ["RUSTC", "RUSTC_BOOTSTRAP"]);
    }
}
