//! The Kotlin side of the boundary.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Hides what was generated into a folder, see [`internal`].
pub fn hide(folder: &Path) -> io::Result<()> {
    for file in kotlin_files(folder)? {
        let text = fs::read_to_string(&file)?;
        fs::write(&file, internal(&text))?;
    }
    Ok(())
}

fn kotlin_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(kotlin_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "kt") {
            files.push(path);
        }
    }
    Ok(files)
}

/// What a declaration may begin with that says nothing of who sees it.
const DECLARATIONS: [&str; 14] = [
    "abstract ",
    "annotation ",
    "class ",
    "const ",
    "data ",
    "enum ",
    "fun ",
    "fun<",
    "inline ",
    "interface ",
    "object ",
    "open ",
    "sealed ",
    "typealias ",
];

/// Hides generated code from those who use the SDK: the generator makes all of it public, and has no option for that. The
/// compiler then refuses an API that lets something of it out. Its warnings are not ours to mend.
fn internal(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("@file:Suppress(") {
            hidden.push_str("@file:Suppress(\"warnings\")");
        } else if let Some(declaration) = line.strip_prefix("public ") {
            hidden.push_str("internal ");
            hidden.push_str(declaration);
        } else if let Some((before, function)) = free_function(line) {
            hidden.push_str(before);
            hidden.push_str(" internal fun ");
            hidden.push_str(function);
        } else {
            if DECLARATIONS.iter().any(|word| line.starts_with(word)) {
                hidden.push_str("internal ");
            }
            hidden.push_str(line);
        }
        hidden.push('\n');
    }
    hidden
}

/// The parts of a line around ` fun `, where it declares a function that belongs to nothing: it follows its documentation
/// or its exceptions on their last line.
fn free_function(line: &str) -> Option<(&str, &str)> {
    let (before, _) = line.split_once(" fun `")?;
    let begins = before.trim_start();
    let is_free = begins == "*/" || (begins.starts_with("@Throws(") && begins.ends_with(')'));
    is_free.then(|| (before, &line[before.len() + " fun ".len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_at_the_top_is_hidden_and_nothing_else_is_touched() {
        let text = "@file:Suppress(\"NAME_SHADOWING\")\npackage a\n\npublic interface A {\n    fun a()\n}\nopen class B\n\
                    internal object C\nprivate fun d() = 1\nfun <T> e(t: T) = t\n// class of its own\n         */ fun \
                    `f`(): Int {\n    @Throws(A::class) fun `g`()\n    @Throws(A::class)override fun `h`()\n";
        let expected = "@file:Suppress(\"warnings\")\npackage a\n\ninternal interface A {\n    fun a()\n}\ninternal open \
                        class B\ninternal object C\nprivate fun d() = 1\ninternal fun <T> e(t: T) = t\n// class of its \
                        own\n         */ internal fun `f`(): Int {\n    @Throws(A::class) internal fun `g`()\n    \
                        @Throws(A::class)override fun `h`()\n";
        assert_eq!(internal(text), expected);
    }
}
