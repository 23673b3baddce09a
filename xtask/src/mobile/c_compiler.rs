//! The C compiler of a target.
//!
//! If one is there, build scripts find it, or the user has named it. Otherwise it is Zig's, which has the headers of
//! neither Android nor iOS, but those of systems that resemble them. Build scripts call it with the flags of the real
//! target, so between the two stands this program: it drops what would lead Zig astray.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::target::Target;
use super::{files, tool, zig};

/// The command of this program that stands for the compiler. What follows is Zig, its target, and the flags.
pub const COMPILE_C: &str = "compile-c";

/// What build scripts need in their environment to compile C: nothing, where they find a compiler by themselves.
/// What has to be written goes into `folder`.
pub fn find(target: &Target, folder: &Path) -> Result<BTreeMap<String, OsString>, String> {
    let named = variables(target).iter().any(|name| env::var_os(name).is_some());
    if named || target.compilers.iter().any(|command| tool::succeeds(command)) {
        return Ok(BTreeMap::new());
    }
    let missing = |error| {
        let (name, from, variable) =
            (target.name, target.compiler_from, format!("CC_{}", target.in_variables()));
        format!(
            "no C compiler for {name} (install {from}, or name one in {variable}), and Zig cannot stand in: {error}"
        )
    };
    with_zig(target, folder).map_err(missing)
}

/// Where build scripts look for the name of a target's compiler.
fn variables(target: &Target) -> [String; 3] {
    [format!("CC_{}", target.name), format!("CC_{}", target.in_variables()), "TARGET_CC".to_owned()]
}

fn with_zig(target: &Target, folder: &Path) -> Result<BTreeMap<String, OsString>, String> {
    if !cfg!(target_os = "linux") {
        return Err("it does so on Linux only".to_owned());
    }
    let zig = zig::program()?;
    let zig = zig.to_string_lossy();
    let this = env::current_exe().map_err(|error| format!("where this program is, is not known: {error}"))?;
    let folder = folder.join("compilers");
    // There is no kit of Apple's, and without a folder for it build scripts would ask Xcode.
    let kit = folder.join("no-kit");
    files::folder(&kit)?;
    let compiler = folder.join(format!("{}-cc", target.name));
    files::script(&compiler, &[&this.to_string_lossy(), COMPILE_C, &zig, target.nearest])?;
    let archiver = folder.join(format!("{}-ar", target.name));
    files::script(&archiver, &[&zig, "ar"])?;
    let name = target.in_variables();
    Ok(BTreeMap::from([
        (format!("CC_{name}"), compiler.into()),
        (format!("AR_{name}"), archiver.into()),
        ("SDKROOT".to_owned(), kit.into()),
        ("ZIG_GLOBAL_CACHE_DIR".to_owned(), folder.join("zig-cache").into()),
    ]))
}

/// Compiles with Zig, as a build script has asked.
pub fn compile(arguments: &[&str]) -> ExitCode {
    let [zig, target, flags @ ..] = arguments else {
        eprintln!("{COMPILE_C} is for build scripts: cargo xtask mobile-check");
        return ExitCode::from(2);
    };
    match Command::new(zig).args(["cc", "-target", target]).args(understood(flags)).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{zig} did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The flags without those that name the real target, its processor or its kit, and one that only Apple's compiler has.
fn understood<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let mut flags = flags.iter();
    let mut kept = Vec::new();
    while let Some(&flag) = flags.next() {
        match flag {
            "-isysroot" | "-arch" => drop(flags.next()),
            "-gfull" => {}
            _ if flag.starts_with("--target=") || flag.starts_with("-miphone") => {}
            _ => kept.push(flag),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile::target::TARGETS;

    #[test]
    fn flags_that_name_the_target_are_dropped_and_all_others_kept_in_order() {
        let flags = [
            "-O0",
            "--target=arm64-apple-ios",
            "-miphoneos-version-min=17.0",
            "-isysroot",
            "/kit",
            "-arch",
            "arm64",
            "-gfull",
            "-g3",
            "-DX=--target=y",
            "-o",
            "out.o",
            "-c",
            "in.c",
        ];
        assert_eq!(understood(&flags), ["-O0", "-g3", "-DX=--target=y", "-o", "out.o", "-c", "in.c"]);
    }

    #[test]
    fn a_flag_whose_value_is_cut_off_ends_the_flags() {
        assert_eq!(understood(&["-c", "-isysroot"]), ["-c"]);
        assert_eq!(understood(&[]), [""; 0]);
    }

    #[test]
    fn a_compiler_may_be_named_in_either_spelling_of_the_target() {
        let names = ["CC_aarch64-linux-android", "CC_aarch64_linux_android", "TARGET_CC"];
        assert_eq!(variables(&TARGETS[0]), names);
    }
}
