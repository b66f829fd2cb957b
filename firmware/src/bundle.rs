//! Go programs as bundles: a generated Go module a variant, built static from pinned modules and kept by content.
//!
//! [`table`] says what there is, one row a variant; [`source`] writes the module, [`compile`] runs `go build`, [`cache`] keeps the
//! result under a hash of everything that went in, so that a second call builds nothing. The pins (go.mod and go.sum of each
//! module set) lie in `firmware/bundle/<set>/` and are made anew by [`pin::pin`].

mod cache;
mod compile;
pub mod pin;
mod progress;
mod sets;
mod source;
pub mod table;
mod toolchain;
mod tree;

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use table::{Contents, Variant};

/// A machine that a bundle is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// `x86_64`, which Go calls `amd64`.
    Amd64,
    /// `aarch64`, which Go calls `arm64`.
    Arm64,
}

impl Arch {
    /// Go's name.
    pub const fn go(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The machine that this program runs on.
    pub fn native() -> Result<Self> {
        std::env::consts::ARCH.parse()
    }
}

impl std::str::FromStr for Arch {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "x86_64" | "amd64" => Ok(Self::Amd64),
            "aarch64" | "arm64" => Ok(Self::Arm64),
            other => bail!("no bundle is built for {other}: x86_64 or aarch64"),
        }
    }
}

/// Builds `variant` for `arch` (either spelling: `x86_64`, `amd64`, …) and puts its files into the directory `out`. Answers the
/// file where the variant is one file, else `out`. Files that have not changed are left as they are.
///
/// Fails when the variant or the machine is unknown, when there is no Go and none can be had, or when the build fails.
pub fn build(variant: &str, arch: &str, out: &Path) -> Result<PathBuf> {
    let (variant, arch) = (table::find(variant)?, arch.parse()?);
    let from = built(variant, arch)?;
    fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    let files = variant.contents.files();
    for file in &files {
        place(&from.join(file), &out.join(file))?;
    }
    Ok(match files.as_slice() {
        [file] => out.join(file),
        _ => out.to_owned(),
    })
}

/// Builds `variant` for this machine and answers the directory in the cache that holds its files; a file of several programs
/// has a symbolic link for each of them beside it.
pub fn native(variant: &str) -> Result<PathBuf> {
    built(table::find(variant)?, Arch::native()?)
}

/// Downloads a module that holds data, such as test vectors; its directory. Go checks its sum by the checksum database.
pub fn module(name: &str, version: &str) -> Result<PathBuf> {
    let go = toolchain::find()?;
    let wanted = format!("{name}@{version}");
    let mut command = std::process::Command::new(go.path);
    command.args(["mod", "download", "-json", &wanted]).current_dir("/").env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
    let answer: serde_json::Value =
        serde_json::from_str(&crate::run::answered(&mut command)?).with_context(|| format!("read what go says of {wanted}"))?;
    answer["Dir"].as_str().map(PathBuf::from).with_context(|| format!("download {wanted}: go names no directory"))
}

/// Builds `variant` for `arch` (either spelling) into the cache, for whoever asks for it later.
pub fn ready(variant: &str, arch: &str) -> Result<()> {
    built(table::find(variant)?, arch.parse()?).map(drop)
}

/// The names of the programs in a variant: with one file for all of them, the names that it answers to.
pub fn programs(variant: &str) -> Result<Vec<&'static str>> {
    Ok(table::find(variant)?.contents.programs())
}

/// Returns the versions that a bundle's program was built from: the text of `go version -m`.
pub fn build_info(program: &Path) -> Result<String> {
    let go = toolchain::find()?;
    crate::run::answered(std::process::Command::new(go.path).args(["version", "-m"]).arg(program).env("GOTOOLCHAIN", "local"))
}

/// The directory in the cache with the variant's files, built when it is not there.
fn built(variant: &Variant, arch: Arch) -> Result<PathBuf> {
    if variant.cgo && arch != Arch::native()? {
        bail!("bundle {}: it needs C code, so it is built on {} itself only", variant.name, arch.go());
    }
    let go = toolchain::find()?;
    let module = source::Source::new(variant);
    let recipe = compile::Recipe { go: &go, variant, arch, source: &module };
    cache::get_or_make(&recipe.key(), |dir| {
        recipe.run(dir)?;
        link_programs(variant, dir)
    })
}

/// Symbolic links for the programs of a file that goes by its name.
fn link_programs(variant: &Variant, dir: &Path) -> Result<()> {
    let Contents::Multicall { file, programs } = &variant.contents else { return Ok(()) };
    for program in programs.iter().filter(|p| p.name != *file) {
        let link = dir.join(program.name);
        std::os::unix::fs::symlink(file, &link).with_context(|| format!("link {}", link.display()))?;
    }
    Ok(())
}

/// Copies a file with its time, unless the copy is there already.
fn place(from: &Path, to: &Path) -> Result<()> {
    let source = fs::metadata(from).with_context(|| format!("read {}", from.display()))?;
    let made = source.modified()?;
    if fs::metadata(to).is_ok_and(|m| m.len() == source.len() && m.modified().is_ok_and(|t| t == made)) {
        return Ok(());
    }
    let partial = to.with_extension("partial");
    fs::copy(from, &partial).with_context(|| format!("copy {} to {}", from.display(), partial.display()))?;
    File::options().write(true).open(&partial)?.set_times(FileTimes::new().set_modified(made))?;
    fs::rename(&partial, to).with_context(|| format!("put {} in place", to.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_spellings_of_a_machine() {
        assert_eq!("x86_64".parse::<Arch>().unwrap(), "amd64".parse::<Arch>().unwrap());
        assert_eq!("aarch64".parse::<Arch>().unwrap().go(), "arm64");
        assert!("riscv64".parse::<Arch>().is_err());
    }

    #[test]
    fn a_copy_is_made_once() {
        let dir = std::env::temp_dir().join(format!("kutties-place-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (from, to) = (dir.join("a"), dir.join("b"));
        fs::write(&from, "one").unwrap();
        place(&from, &to).unwrap();
        assert_eq!(fs::metadata(&from).unwrap().modified().unwrap(), fs::metadata(&to).unwrap().modified().unwrap());
        fs::write(&from, "two2").unwrap();
        place(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "two2");
        fs::remove_dir_all(&dir).unwrap();
    }
}
