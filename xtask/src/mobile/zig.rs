//! Zig, for it brings a C compiler and the headers of many systems in one package of PyPI.

use std::path::PathBuf;
use std::process::Command;

use super::{cache, tool};

/// Newer ones take other flags: to be tried before it is raised.
const VERSION: &str = "0.17.1";

/// The program, from the cache; pip gets it there.
pub fn program() -> Result<PathBuf, String> {
    let folder = cache::entry(&format!("ziglang-{VERSION}"), |making| {
        if !tool::succeeds(&["python3", "-m", "pip", "--version"]) {
            return Err("it comes by Python's pip, which is missing (apt install python3-pip)".to_owned());
        }
        println!("getting Zig {VERSION} by pip, once");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        // A folder is no environment: the user's own stays as it is.
        pip.args(["--no-deps", "--only-binary", ":all:", "--no-compile", "--target"]).arg(&making.new);
        pip.arg(format!("ziglang=={VERSION}"));
        tool::output(&mut pip).map(drop)
    })?;
    Ok(folder.join("ziglang/zig"))
}
