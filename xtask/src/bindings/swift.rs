//! The Swift side of the boundary, laid out as `Package.swift` wants it.

use std::fs;
use std::io;
use std::path::Path;

/// The module of what is declared in C, and the one of what is generated in Swift.
const C_MODULE: &str = "MizuSyncFFI";
const SWIFT_MODULE: &str = "MizuSyncNative";
const ARCHIVE: &str = "libmizu_sync_native.a";

/// Moves what was generated into a folder to where the targets of the package are, and the library beside them.
pub fn lay_out(folder: &Path, built: &Path) -> io::Result<()> {
    let declared = folder.join(C_MODULE);
    let include = declared.join("include");
    fs::create_dir_all(&include)?;
    let header = format!("{C_MODULE}.h");
    fs::rename(folder.join(&header), include.join(&header))?;
    fs::rename(folder.join(format!("{C_MODULE}.modulemap")), include.join("module.modulemap"))?;
    // A target of C has a source, if only an empty one.
    fs::write(declared.join("empty.c"), "")?;

    let generated = folder.join(SWIFT_MODULE);
    fs::create_dir_all(&generated)?;
    let source = format!("{SWIFT_MODULE}.swift");
    fs::rename(folder.join(&source), generated.join(&source))?;

    // Alone in its folder: where a dynamic library lies beside it, the linker takes that.
    let library = folder.join("lib");
    fs::create_dir_all(&library)?;
    fs::copy(built.join(ARCHIVE), library.join(ARCHIVE))?;
    Ok(())
}
