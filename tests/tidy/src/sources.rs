//! Crates of the workspace, their manifests and their sources.

use std::fs;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use serde::Deserialize;

/// A crate of the workspace.
#[derive(Debug)]
pub struct Crate {
    /// Name in its manifest.
    pub name: String,
    /// Directory below the repository; empty for the binary's own.
    pub dir: PathBuf,
    /// Names that its manifest has below `dependencies`.
    pub uses: Vec<String>,
    /// Its sources.
    pub files: Vec<Source>,
}

/// A file.
#[derive(Debug)]
pub struct Source {
    /// Path below the repository.
    pub path: PathBuf,
    /// Content.
    pub text: String,
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
    #[serde(default)]
    dependencies: toml::Table,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize)]
struct Root {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    members: Vec<String>,
}

/// The repository that this was built from.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// All crates of the workspace.
pub fn crates(repository: &Path) -> Result<Vec<Crate>> {
    let root: Root = toml::from_str(&read(&repository.join("Cargo.toml"))?).doing("read Cargo.toml")?;
    let mut dirs = Vec::new();
    for member in &root.workspace.members {
        match member.strip_suffix("/*") {
            Some(parent) => dirs.extend(members(repository, parent)?),
            None if member == "." => dirs.push(PathBuf::new()),
            None => dirs.push(member.into()),
        }
    }
    dirs.sort();
    dirs.iter().map(|dir| open(repository, dir, &dirs)).collect()
}

fn members(repository: &Path, parent: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(repository.join(parent)).on("read", parent)?;
    let names = entries.flatten().map(|entry| Path::new(parent).join(entry.file_name()));
    Ok(names.filter(|dir| repository.join(dir).join("Cargo.toml").exists()).collect())
}

fn open(repository: &Path, dir: &Path, all: &[PathBuf]) -> Result<Crate> {
    let path = repository.join(dir).join("Cargo.toml");
    let manifest: Manifest = toml::from_str(&read(&path)?).on("read", &path)?;
    let mut files = Vec::new();
    for below in ["src", "tests", "examples", "build.rs"] {
        collect(repository, &dir.join(below), all, &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let uses = manifest.dependencies.keys().cloned().collect();
    Ok(Crate { name: manifest.package.name, dir: dir.to_owned(), uses, files })
}

/// The Rust files of a directory, without those of crates below it.
fn collect(repository: &Path, path: &Path, all: &[PathBuf], files: &mut Vec<Source>) -> Result<()> {
    let absolute = repository.join(path);
    if absolute.is_dir() && !all.iter().any(|dir| dir == path) {
        for entry in fs::read_dir(&absolute).on("read", &absolute)? {
            collect(repository, &path.join(entry.on("read", &absolute)?.file_name()), all, files)?;
        }
    } else if absolute.is_file() && path.extension().is_some_and(|e| e == "rs") {
        files.push(Source { path: path.to_owned(), text: read(&absolute)? });
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).on("read", path)
}

/// All complaints as one error.
pub fn judge(complaints: &[String]) -> Result<()> {
    if complaints.is_empty() { Ok(()) } else { Err(Error::new(complaints.join("\n"))) }
}
