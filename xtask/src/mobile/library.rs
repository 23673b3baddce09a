//! Where a target's standard library comes from.
//!
//! Best is the target itself (`rustup target add`), then the sources beside the compiler (`rustup component add
//! rust-src`). Where neither is there, the sources of the same version come from Debian, into the cache: laid there
//! beside links to all else that the compiler brings, for cargo looks for them in the compiler's folder, and that is
//! the user's.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use super::target::Target;
use super::toolchain::Toolchain;
use super::{cache, debian, files};

/// Where cargo looks for the sources, in the folder of all libraries.
const SOURCES: &str = "src/rust/library";

/// What cargo has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Library {
    /// Nothing: it is installed.
    Installed,
    /// To build it from sources.
    Sources {
        /// The compiler that knows where they are, if it is not the user's.
        rustc: Option<PathBuf>,
    },
}

/// Finds it, and else gets the sources.
pub fn find(target: &Target, toolchain: &Toolchain) -> Result<Library, String> {
    if let Some(library) = present(target, &toolchain.libraries()) {
        return Ok(library);
    }
    let folder = with_sources(toolchain).map_err(|error| {
        let (target, version) = (target.name, &toolchain.version);
        format!(
            "no standard library for {target}: run rustup target add {target}, \
             for Debian gives no sources of Rust {version}: {error}"
        )
    })?;
    Ok(Library::Sources { rustc: Some(folder.join("bin/rustc")) })
}

/// What the machine has.
fn present(target: &Target, libraries: &Path) -> Option<Library> {
    if libraries.join(target.name).join("lib").is_dir() {
        return Some(Library::Installed);
    }
    libraries.join(SOURCES).join("Cargo.lock").is_file().then_some(Library::Sources { rustc: None })
}

/// The folder of a compiler that is the user's but for the sources beside it.
fn with_sources(toolchain: &Toolchain) -> Result<PathBuf, String> {
    // The links lead to one installation of that version.
    let mut hasher = DefaultHasher::new();
    toolchain.sysroot.hash(&mut hasher);
    let name = format!("rust-{}-{:016x}", toolchain.version, hasher.finish());
    cache::entry(&name, |making| {
        println!("getting the standard library's sources from Debian, once");
        let sources = debian::library(&toolchain.version, &making.work)?;
        lay(&toolchain.libraries(), &sources, &making.new.join("lib/rustlib"))?;
        let (compiler, folder) = (toolchain.rustc(), making.entry.to_string_lossy());
        files::folder(&making.new.join("bin"))?;
        files::script(&making.new.join("bin/rustc"), &[&compiler.to_string_lossy(), "--sysroot", &folder])
    })
}

/// Fills `folder` with links to these libraries, and with the sources.
fn lay(libraries: &Path, sources: &Path, folder: &Path) -> Result<(), String> {
    let place = folder.join(SOURCES);
    files::folder(place.parent().unwrap_or(folder))?;
    files::rename(sources, &place)?;
    let unreadable = |error| files::trouble("read", libraries, &error);
    for library in fs::read_dir(libraries).map_err(unreadable)? {
        let library = library.map_err(unreadable)?;
        if library.file_name() != "src" {
            files::link(&library.path(), &folder.join(library.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::mobile::target::TARGETS;

    #[test]
    fn what_the_machine_has_is_used_and_the_target_itself_before_its_sources() {
        let folder = std::env::temp_dir().join(format!("mizu-xtask-library-{}", std::process::id()));
        let target = &TARGETS[0];
        assert_eq!(present(target, &folder), None);
        files::folder(&folder.join(SOURCES)).unwrap();
        files::write(&folder.join(SOURCES).join("Cargo.lock"), "").unwrap();
        assert_eq!(present(target, &folder), Some(Library::Sources { rustc: None }));
        files::folder(&folder.join(target.name).join("lib")).unwrap();
        assert_eq!(present(target, &folder), Some(Library::Installed));
        files::remove_folder(&folder).unwrap();
    }

    #[test]
    fn sources_are_laid_beside_links_to_what_is_installed() {
        let folder = std::env::temp_dir().join(format!("mizu-xtask-lay-{}", std::process::id()));
        let (installed, sources, new) =
            (folder.join("installed"), folder.join("sources"), folder.join("new"));
        for path in [&installed.join("host/lib"), &installed.join("src"), &sources] {
            files::folder(path).unwrap();
        }
        files::write(&sources.join("Cargo.lock"), "").unwrap();
        lay(&installed, &sources, &new).unwrap();
        assert_eq!(fs::read_link(new.join("host")).unwrap(), installed.join("host"));
        assert!(new.join(SOURCES).join("Cargo.lock").is_file());
        files::remove_folder(&folder).unwrap();
    }
}
