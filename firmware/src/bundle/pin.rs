//! Makes the pins of a module set anew: after a version in the table has changed, or a variant was added.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::source::Source;
use super::table::{ModuleSet, VARIANTS, Variant};
use super::tree::{self, Tree};
use super::{Arch, toolchain};
use crate::place;

/// Writes go.mod and go.sum of the set called `name` into the tree; they count at the next build of this program.
pub fn pin(name: &str) -> Result<PathBuf> {
    let variants: Vec<&Variant> = VARIANTS.iter().filter(|v| v.modules.name == name).collect();
    let Some(first) = variants.first() else { bail!("no module set is called {name}") };
    let home = place::repository().join("firmware/bundle").join(name);
    let work = std::env::temp_dir().join(format!("kutties-pin-{name}-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let result = resolve(first.modules, &variants, &work);
    if result.is_ok() {
        fs::create_dir_all(&home).with_context(|| format!("make {}", home.display()))?;
        for file in ["go.mod", "go.sum"] {
            fs::copy(work.join(file), home.join(file)).with_context(|| format!("write {}", home.join(file).display()))?;
        }
    }
    fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    result.map(|()| home)
}

/// Lets Go add what the packages of every variant need, on both machines. Never `go mod tidy`: it wants test-only modules too,
/// and some of those are nowhere.
fn resolve(set: &ModuleSet, variants: &[&Variant], work: &Path) -> Result<()> {
    let go = toolchain::find()?;
    let tree = Tree::make(set, &go.path, work)?;
    fs::write(work.join("go.mod"), minimal(set)).context("write go.mod")?;
    for variant in variants {
        let source = Source::new(variant);
        for (name, text) in source.files.iter().filter(|(name, _)| *name == "main.go") {
            fs::write(work.join(name), text).with_context(|| format!("write {name}"))?;
        }
        for arch in [Arch::Amd64, Arch::Arm64] {
            let answer = Command::new(&go.path)
                .current_dir(work)
                .args(["list", "-mod=mod", "-deps", "-tags", set.tags])
                .args(&source.packages)
                .env("GOOS", "linux")
                .env("GOARCH", arch.go())
                .env("CGO_ENABLED", if variant.cgo { "1" } else { "0" })
                .env("GOFLAGS", "")
                .env("GOWORK", "off")
                .env("GOTOOLCHAIN", "local")
                .output()
                .context("start go list")?;
            if !answer.status.success() {
                bail!("resolve {}: {}", variant.name, String::from_utf8_lossy(&answer.stderr).trim());
            }
        }
    }
    // Go has no sums for a module that is replaced by a directory; what is copied into that is held to them all the same.
    if let Some(tree) = tree {
        let path = work.join("go.sum");
        let sums = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        fs::write(&path, tree.sums(set) + &sums).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// A go.mod that asks for the root, and for the modules beside it.
fn minimal(set: &ModuleSet) -> String {
    let mut text = format!("module kutties.invalid/{}\n\ngo 1.26.0\n\n", set.name);
    for (module, version) in std::iter::once(&(set.root, set.version)).chain(set.also) {
        let _ = writeln!(text, "require {module} {version}");
    }
    if let Some((version, modules)) = set.staging {
        text.push_str("\nreplace (\n");
        for module in modules {
            let version = set.staging_but.iter().find(|(other, _)| other == module).map_or(version, |(_, version)| *version);
            let _ = writeln!(text, "\t{module} => {module} {version}");
        }
        text.push_str(")\n");
    }
    if !set.without.is_empty() {
        let _ = writeln!(text, "\nreplace {} => ./{}", set.root, tree::DIRECTORY);
    }
    text
}
