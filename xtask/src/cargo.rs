//! Calling cargo, and other programs as it would be called.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::paths;

/// The cargo that runs this, in the folder of the repository, without what it tells of this package: other packages
/// would look changed by it, and be built anew.
pub fn command() -> Command {
    other(&env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Another program, which may call cargo.
pub fn other(program: &OsStr) -> Command {
    let mut command = without(program, env::vars_os().map(|(name, _)| name));
    command.current_dir(paths::root());
    command
}

fn without(program: &OsStr, variables: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    variables.filter(|name| is_about_this_package(name)).for_each(|name| {
        command.env_remove(name);
    });
    command
}

fn is_about_this_package(name: &OsStr) -> bool {
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    name.to_str().is_some_and(|name| told.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_tells_of_this_package_is_not_handed_on() {
        let told = ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"];
        let users = ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_TERM_COLOR", "PATH", "RUSTFLAGS"];
        let command = without(OsStr::new("cargo"), told.iter().chain(&users).map(OsString::from));
        let removed: Vec<&OsStr> = command.get_envs().map(|(name, _)| name).collect();
        assert_eq!(removed, told);
        assert!(command.get_envs().all(|(_, value)| value.is_none()));
    }
}
