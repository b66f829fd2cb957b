//! A layer with `nft` and `iptables` of Debian, for the images that change the kernel's packet filter: the programs, the libraries
//! that they are linked with, and iptables' extensions. The rest of the packages stays out.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use initramfs::Archive;

use crate::apt::{Package, Suite};
use crate::board::Arch;
use crate::elf;

/// The suite, which has nftables with JSON, as kube-proxy wants it.
const SUITE: &str = "trixie";
/// The packages.
const PACKAGES: &[&str] = &["iptables", "nftables"];
/// The programs in them.
const PROGRAMS: &[&str] = &["nft", "xtables-nft-multi"];
/// Names by which the iptables program goes. The one for the older kernel interface, `-legacy`, is not there.
const LINKS: &[&str] = &[
    "ip6tables",
    "ip6tables-nft",
    "ip6tables-nft-restore",
    "ip6tables-nft-save",
    "ip6tables-restore",
    "ip6tables-save",
    "iptables",
    "iptables-nft",
    "iptables-nft-restore",
    "iptables-nft-save",
    "iptables-restore",
    "iptables-save",
];

/// The layer, and the packages that something of it comes from.
pub fn layer(arch: Arch) -> Result<(Archive, Vec<Package>)> {
    let suite = Suite::new(SUITE, arch.debian())?;
    let packages = suite.closure(PACKAGES)?;
    let trees = packages.iter().map(|package| suite.unpack(package)).collect::<Result<Vec<_>>>()?;
    let libraries = format!("usr/lib/{}-linux-gnu", arch.name());
    let mut files =
        Files { archive: Archive::new(), trees: &trees, libraries: &libraries, waiting: Vec::new(), used: BTreeSet::new() };
    for program in PROGRAMS {
        files.take(&format!("usr/sbin/{program}"))?;
    }
    for link in LINKS {
        files.archive.link(&format!("/usr/sbin/{link}"), "xtables-nft-multi")?;
    }
    files.directory(&format!("{libraries}/xtables"))?;
    files.follow()?;
    let Files { archive, used, .. } = files;
    let used = |number: &usize| used.contains(number);
    Ok((archive, packages.into_iter().enumerate().filter(|(number, _)| used(number)).map(|(_, package)| package).collect()))
}

/// Files on their way into the layer.
struct Files<'a> {
    archive: Archive,
    /// Unpacked packages.
    trees: &'a [PathBuf],
    /// Directory of the libraries.
    libraries: &'a str,
    /// Libraries that somebody needs.
    waiting: Vec<String>,
    /// Numbers of the packages that something was taken from.
    used: BTreeSet<usize>,
}

impl Files<'_> {
    /// Takes the file at that path of the package that has it; a link's file under the link's name.
    fn take(&mut self, path: &str) -> Result<()> {
        let found = self.trees.iter().position(|tree| tree.join(path).exists());
        let number = found.with_context(|| format!("find {path} in the packages {}", PACKAGES.join(" and ")))?;
        self.put(path, &self.trees[number].join(path))?;
        self.used.insert(number);
        Ok(())
    }

    fn put(&mut self, path: &str, from: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        self.waiting.extend(elf::needed(&bytes).into_iter().map(str::to_owned));
        if let Some(loader) = elf::loader(&bytes).map(str::to_owned)
            && self.archive.get(&format!("usr{loader}")).is_none()
        {
            self.take(&format!("usr{loader}"))?;
        }
        let mode = fs::metadata(from)?.permissions().mode() & 0o777;
        Ok(self.archive.file(path, mode, bytes)?)
    }

    /// Takes all files of a directory; links stay links, as the extensions have several names.
    fn directory(&mut self, path: &str) -> Result<()> {
        let found = self.trees.iter().position(|tree| tree.join(path).is_dir());
        let number = found.with_context(|| format!("find {path} in the packages {}", PACKAGES.join(" and ")))?;
        let dir = self.trees[number].join(path);
        for entry in fs::read_dir(&dir).with_context(|| format!("read {}", dir.display()))? {
            let entry = entry?;
            let path = format!("{path}/{}", entry.file_name().display());
            if entry.file_type()?.is_symlink() {
                self.archive.link(&path, &fs::read_link(entry.path())?.to_string_lossy())?;
            } else {
                self.put(&path, &entry.path())?;
            }
        }
        self.used.insert(number);
        Ok(())
    }

    /// Takes the libraries that are needed, and those that they need.
    fn follow(&mut self) -> Result<()> {
        while let Some(library) = self.waiting.pop() {
            let path = format!("{}/{library}", self.libraries);
            // The loader is in memory already when its name is met.
            if !library.starts_with("ld-linux") && self.archive.get(&path).is_none() {
                self.take(&path)?;
            }
        }
        Ok(())
    }
}
