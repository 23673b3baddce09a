//! The Rust that is installed.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;
use crate::paths;

/// A compiler with what belongs to it.
pub struct Toolchain {
    /// As in `1.95.0`.
    pub version: String,
    /// Its folder.
    pub sysroot: PathBuf,
}

impl Toolchain {
    /// The one that cargo uses in this workspace.
    pub fn current() -> Result<Self, String> {
        let ask = |argument: &[&str]| {
            let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
            tool::output(Command::new(rustc).args(argument).current_dir(paths::root()))
        };
        let told = ask(&["-vV"])?;
        let version =
            release(&told).ok_or_else(|| format!("rustc did not tell its version, but {told:?}"))?;
        let sysroot = ask(&["--print", "sysroot"])?;
        Ok(Self { version: version.to_owned(), sysroot: Path::new(sysroot.trim()).to_owned() })
    }

    /// The compiler itself.
    pub fn rustc(&self) -> PathBuf {
        self.sysroot.join("bin/rustc")
    }

    /// Where the standard libraries are, a folder for each target.
    pub fn libraries(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib")
    }
}

/// The version in what `rustc -vV` prints.
fn release(told: &str) -> Option<&str> {
    told.lines().find_map(|line| line.strip_prefix("release: ")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_among_what_rustc_tells() {
        let told =
            "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        assert_eq!(release(told), Some("1.95.0"));
        assert_eq!(release("rustc 1.95.0"), None);
    }
}
