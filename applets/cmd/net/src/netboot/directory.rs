//! The directories that are served, and what their files are for which machine.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use format::pe;
use format::pxe::{Arch, Loader, read_mac};
use kit::{Context, Error, Result};

use super::content::Content;
use super::pool::Mac;
use super::reply::in_path;

/// One UEFI program with all inside.
pub const EFI: &str = "kutties.efi";
/// The script for iPXE.
pub const SCRIPT: &str = "boot.ipxe";
/// iPXE for a BIOS that has none, which a person may put there.
const IPXE_FOR_BIOS: &str = "undionly.kpxe";

/// A directory for each architecture.
#[derive(Debug)]
pub struct Directories(Vec<(Arch, PathBuf)>);

/// Parts of a requested path: `[ARCH/][MAC/]NAME`.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// For which machine.
    pub mac: Option<Mac>,
    /// Of which architecture.
    pub arch: Arch,
    /// The file.
    pub name: &'a str,
}

impl Directories {
    /// Look at them: each must have its `kutties.efi`.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut directories: Vec<(Arch, PathBuf)> = Vec::new();
        for path in paths {
            let program = path.join(EFI);
            let mut head = Vec::new();
            let file = File::open(&program).on("open", &program)?;
            file.take(pe::HEAD as u64).read_to_end(&mut head).on("read", &program)?;
            let machine = pe::machine(&head).on("read", &program)?;
            let arch = Arch::of_pe(machine)
                .ok_or_else(|| Error::new(format!("{}: it is for neither x86_64 nor arm64", program.display())))?;
            if directories.iter().any(|(other, _)| *other == arch) {
                return Err(Error::usage(format!("{}: another directory is for {} already", path.display(), arch.name())));
            }
            directories.push((arch, path.clone()));
        }
        Ok(Self(directories))
    }

    fn of(&self, arch: Arch) -> Option<&Path> {
        self.0.iter().find(|(of, _)| *of == arch).map(|(_, path)| path.as_path())
    }

    /// The path of what a machine is to load first, or why there is none.
    pub fn first(&self, arch: Arch, loader: Loader, mac: Mac) -> Result<String, String> {
        let directory = self.of(arch).ok_or_else(|| format!("there is no directory for {}", arch.name()))?;
        let name = match loader {
            Loader::Efi | Loader::EfiHttp => EFI,
            Loader::Ipxe => SCRIPT,
            Loader::Bios => IPXE_FOR_BIOS,
        };
        if !directory.join(name).exists() {
            let hint = if name == IPXE_FOR_BIOS { ": a BIOS without iPXE needs it (Debian's package ipxe has one)" } else { "" };
            return Err(format!("there is no {}{hint}", directory.join(name).display()));
        }
        Ok(format!("{}/{}/{name}", arch.name(), in_path(mac)))
    }

    /// Read a path; none when it is not of that form.
    pub fn read<'a>(&self, path: &'a str) -> Option<Wanted<'a>> {
        let mut rest = path.trim_start_matches('/');
        let mut arch = self.0.first()?.0;
        if let Some((of, behind)) = rest.split_once('/').and_then(|(first, behind)| Some((self.arch(first)?, behind))) {
            (arch, rest) = (of, behind);
        }
        let (mac, name) = match rest.split_once('/') {
            Some((mac, name)) => (Some(read_mac(mac)?), name),
            None => (None, rest),
        };
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        plain.then_some(Wanted { mac, arch, name })
    }

    fn arch(&self, name: &str) -> Option<Arch> {
        self.0.iter().map(|(arch, _)| *arch).find(|arch| arch.name() == name)
    }

    /// A file as it lies in the directory.
    pub fn file(&self, wanted: &Wanted<'_>) -> Result<Content> {
        let path = self.path(wanted);
        let file = File::open(&path).on("open", &path)?;
        if !file.metadata().on("look at", &path)?.is_file() {
            return Err(Error::new(format!("{}: it is no file", path.display())));
        }
        Content::file(file).on("look at", &path)
    }

    /// Returns the path of the file.
    pub fn path(&self, wanted: &Wanted<'_>) -> PathBuf {
        self.of(wanted.arch).unwrap_or(Path::new("/nonexistent")).join(wanted.name)
    }
}

impl fmt::Display for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (arch, path)) in self.0.iter().enumerate() {
            write!(f, "{}{} ({})", if at > 0 { ", " } else { "" }, path.display(), arch.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_single_files_of_the_directory() {
        let directories = Directories(vec![(Arch::Aarch64, "/a".into()), (Arch::X86_64, "/x".into())]);
        let mac = Some([0x52, 0x54, 0, 0, 0, 1]);
        for (path, expected) in [
            ("vmlinuz", Some((None, Arch::Aarch64, "vmlinuz"))),
            ("/x86_64/vmlinuz", Some((None, Arch::X86_64, "vmlinuz"))),
            ("//x86_64/52-54-00-00-00-01/boot.ipxe", Some((mac, Arch::X86_64, "boot.ipxe"))),
            ("52:54:00:00:00:01/kutties.efi", Some((mac, Arch::Aarch64, "kutties.efi"))),
            ("../etc/passwd", None),
            ("x86_64/../secret", None),
            ("x86_64/52-54-00-00-00-01/../x", None),
            ("x86_64/", None),
            (".hidden", None),
            ("..", None),
            ("a/b", None),
            ("", None),
        ] {
            let read = directories.read(path).map(|wanted| (wanted.mac, wanted.arch, wanted.name));
            assert_eq!(read, expected, "{path}");
        }
    }
}
