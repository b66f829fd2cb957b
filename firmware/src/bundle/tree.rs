//! A root module's tree as a directory beside the generated module, without packages that can't be built or are not wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::table::ModuleSet;
use crate::run;

/// The directory's name; the set's go.mod has the root replaced by it.
pub const DIRECTORY: &str = "root";

/// The answer of `go mod download -json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tree {
    dir: PathBuf,
    sum: String,
    go_mod_sum: String,
}

impl Tree {
    /// Copies the root's tree into a directory of `module` and takes the imports out of its main.go that the set is without. None for a
    /// set that has all of its root.
    pub fn make(set: &ModuleSet, go: &Path, module: &Path) -> Result<Option<Self>> {
        if set.without.is_empty() {
            return Ok(None);
        }
        let mut command = Command::new(go);
        command.args(["mod", "download", "-json", &format!("{}@{}", set.root, set.version)]).current_dir("/");
        let told = run::answered(command.env("GOFLAGS", "").env("GOWORK", "off").env("GOTOOLCHAIN", "local"))?;
        let tree: Self = serde_json::from_str(&told).with_context(|| format!("find the tree of {}", set.root))?;
        let to = module.join(DIRECTORY);
        copy(&tree.dir, &to)?;
        let path = to.join("main.go");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let left = without(&text, set.without);
        ensure!(left.1 == set.without.len(), "build {}: its main.go does not import all of {:?}", set.root, set.without);
        fs::write(&path, left.0).with_context(|| format!("write {}", path.display()))?;
        Ok(Some(tree))
    }

    /// Checks that the tree is the one of the pins.
    pub fn check(&self, set: &ModuleSet) -> Result<()> {
        ensure!(set.go_sum.contains(&self.sums(set)), "build {}: its sum is not the one in go.sum", set.root);
        Ok(())
    }

    /// Lines of the tree's sums, as in a go.sum.
    pub fn sums(&self, set: &ModuleSet) -> String {
        let (root, version) = (set.root, set.version);
        format!("{root} {version} {}\n{root} {version}/go.mod {}\n", self.sum, self.go_mod_sum)
    }
}

/// The text without the imports of these packages, and the number of lines that went.
fn without(text: &str, packages: &[&str]) -> (String, usize) {
    let is_import = |line: &str| packages.iter().any(|package| line.trim() == format!("_ \"{package}\""));
    let kept: Vec<&str> = text.split_inclusive('\n').filter(|line| !is_import(line)).collect();
    (kept.concat(), text.split_inclusive('\n').count() - kept.len())
}

/// Copies a tree; the module cache's own files can't be written.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            fs::write(&target, bytes).with_context(|| format!("write {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_go_and_nothing_else() {
        let text = "import (\n\t\"a/b\"\n\t_ \"a/b\"\n\t_ \"a/bc\"\n)\n// _ \"a/b\"\n";
        assert_eq!(without(text, &["a/b"]), ("import (\n\t\"a/b\"\n\t_ \"a/bc\"\n)\n// _ \"a/b\"\n".to_owned(), 1));
    }
}
