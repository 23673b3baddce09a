//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Where the Swift side of the boundary is. Always in the folder of the repository: a package of Swift has nothing outside.
pub fn swift_bindings() -> PathBuf {
    root().join("target").join("bindings").join("swift")
}
