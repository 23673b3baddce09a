//! The standard library's sources from Debian's package `rust-src`, unpacked and not installed.
//!
//! They must be of the compiler's own version, which is seldom in the release that the machine runs. So apt is given
//! a suite that has several, in a configuration of its own: the mirror is the one that the machine's apt uses, with
//! its proxies and its keys, and nothing of the machine is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files, tool};

/// Where several versions of Rust are kept.
const SUITE: &str = "trixie-backports";
const PACKAGE: &str = "rust-src";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Gets the sources of this version; gives their folder, which is inside of `work`.
pub fn library(version: &str, work: &Path) -> Result<PathBuf, String> {
    let apt = Apt::new(work)?;
    let mirror = apt.mirror()?;
    let apt = apt.with_suite(&mirror)?;
    apt.run("apt-get", &["update"])?;
    let known = apt.run("apt-cache", &["madison", PACKAGE])?;
    let revision = revision(&known, version).ok_or_else(|| format!("{SUITE} has no {PACKAGE} {version}"))?;
    apt.run("apt-get", &["download", &format!("{PACKAGE}={revision}")])?;
    let root = work.join("root");
    tool::output(Command::new("dpkg-deb").arg("--extract").arg(package(work)?).arg(&root))?;
    Ok(root.join(format!("usr/src/rustc-{version}/library")))
}

/// The Debian revision of this version, in what `apt-cache madison` prints: `rust-src | 1.95.0+dfsg1-2 | mirror`.
fn revision<'a>(known: &'a str, version: &str) -> Option<&'a str> {
    let mut revisions = known.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    revisions.find(|revision| revision.split(['+', '-', '~']).next() == Some(version))
}

/// The one package in a folder.
fn package(folder: &Path) -> Result<PathBuf, String> {
    let entries = fs::read_dir(folder).map_err(|error| files::trouble("read", folder, &error))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let package = paths.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    package.ok_or_else(|| format!("apt-get said that it has got {PACKAGE}, but did not"))
}

/// Apt with its files in a folder of its own.
struct Apt<'a> {
    folder: &'a Path,
}

impl<'a> Apt<'a> {
    /// Knows what the machine's apt does.
    fn new(folder: &'a Path) -> Result<Self, String> {
        for name in ["lists/partial", "archives/partial", "none"] {
            files::folder(&folder.join(name))?;
        }
        files::write(&folder.join("status"), "")?;
        files::write(&folder.join("apt.conf"), &configuration(folder))?;
        Ok(Self { folder })
    }

    /// The mirror of Debian that the machine uses. What its apt has read tells; if that was never, it is read here.
    fn mirror(&self) -> Result<String, String> {
        let format = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)";
        let ask = ["indextargets", "--format", format, "Created-By: Packages"];
        if let Some(mirror) = mirror(&tool::output(Command::new("apt-get").args(ask))?) {
            return Ok(mirror.to_owned());
        }
        // Another of the machine's sources may be out of order.
        let _ = self.run("apt-get", &["update"]);
        let mirror = mirror(&self.run("apt-get", &ask)?).map(str::to_owned);
        mirror.ok_or_else(|| "this machine's apt knows no mirror of Debian, or reaches none".to_owned())
    }

    /// Knows this suite of that mirror only.
    fn with_suite(self, mirror: &str) -> Result<Self, String> {
        let (sources, none) = (self.folder.join("sources.list"), self.folder.join("none"));
        files::write(&sources, &format!("deb [signed-by={KEYS}] {mirror} {SUITE} main\n"))?;
        let lines = [("Dir::Etc::SourceList", &sources), ("Dir::Etc::SourceParts", &none)];
        let more: String = lines.iter().map(|(name, path)| setting(name, path)).collect();
        // Apt only warns of a mirror that it does not reach.
        let strict = "APT::Update::Error-Mode \"any\";\n";
        files::write(&self.folder.join("apt.conf"), &(configuration(self.folder) + &more + strict))?;
        Ok(self)
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(tool);
        // It downloads into the folder that it runs in.
        command.arg("-c").arg(self.folder.join("apt.conf")).args(arguments).current_dir(self.folder);
        tool::output(&mut command)
    }
}

/// What differs from the machine's settings: whatever would be written elsewhere, and which packages are preferred.
fn configuration(folder: &Path) -> String {
    let ours = [
        ("Dir::State::Lists", "lists"),
        ("Dir::State::Status", "status"),
        ("Dir::Cache::Archives", "archives"),
        ("Dir::Etc::Preferences", "none/preferences"),
        ("Dir::Etc::PreferencesParts", "none"),
    ];
    let ours: String = ours.iter().map(|(name, file)| setting(name, &folder.join(file))).collect();
    // Its own user could not read the folder of a user's cache. The hooks would work on the machine's files.
    let rest = "\
        Dir::Cache::PkgCache \"\";\n\
        Dir::Cache::SrcPkgCache \"\";\n\
        APT::Sandbox::User \"root\";\n\
        APT::Default-Release \"\";\n\
        Acquire::Languages \"none\";\n\
        Acquire::Retries \"3\";\n\
        Debug::NoLocking \"1\";\n\
        #clear APT::Update;\n";
    ours + rest
}

fn setting(name: &str, path: &Path) -> String {
    format!("{name} \"{}\";\n", path.display())
}

/// The first of Debian's own mirrors in lines of `origin|label|component|address`.
fn mirror(targets: &str) -> Option<&str> {
    targets.lines().find_map(|line| line.strip_prefix("Debian|Debian|main|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_of_the_very_version() {
        let known =
            "  rust-src | 1.95.1+dfsg1-1~bpo13+1 | mirror main\n  rust-src | 1.95.0+dfsg1-2~bpo13+1 | mirror";
        assert_eq!(revision(known, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        for version in ["1.95", "1.9", "1.95.00", "1.96.0", "1.95.0-nightly"] {
            assert_eq!(revision(known, version), None, "{version}");
        }
        assert_eq!(revision("", "1.95.0"), None);
    }

    #[test]
    fn only_a_mirror_of_debian_itself_is_taken() {
        let targets = "vendor|vendor|main|mirror:/vendor/\n\
            Debian|Debian-Security|main|mirror:/security/\n\
            Debian|Debian|non-free|mirror:/other/\n\
            Debian|Debian|main|mirror:/debian/\n";
        assert_eq!(mirror(targets), Some("mirror:/debian/"));
        assert_eq!(mirror("vendor|vendor|main|mirror:/vendor/\n"), None);
    }

    #[test]
    fn all_that_apt_writes_is_in_the_folder() {
        let text = configuration(Path::new("/folder"));
        for line in ["Dir::State::Lists \"/folder/lists\";", "Dir::Cache::Archives \"/folder/archives\";"] {
            assert!(text.lines().any(|other| other == line), "{text}");
        }
    }
}
