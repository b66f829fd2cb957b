//! A board: one TOML file in `board/`. That the file exists makes the board exist.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::place;

/// Content of `board/NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// Description in a few words.
    pub about: String,
    /// Its processor.
    pub arch: Arch,
    /// The kernel's command line but for the console, which depends on how it boots.
    pub cmdline: String,
    /// The kernel's names of its consoles, for images that boot by themselves; the last one is the main one.
    #[serde(default)]
    pub consoles: Vec<String>,
    /// Names of the kinds of images that are made beside the parts: `kinds.rs` has the table.
    #[serde(default)]
    pub images: Vec<String>,
    /// Source of its kernel.
    pub kernel: Kernel,
    /// Modules that it takes along.
    pub modules: Modules,
    /// Files of a Raspberry Pi's card beside kernel and segments.
    pub sdcard: Option<Sdcard>,
    /// Its flash, for a `rom`.
    pub flash: Option<Flash>,
    /// QEMU's machine for it; none for a board that QEMU can't emulate.
    pub qemu: Option<Qemu>,
    /// True if `make release` builds it: not for a machine of the tests.
    #[serde(default = "yes")]
    pub released: bool,
}

const fn yes() -> bool {
    true
}

/// Source of a kernel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The Debian suite.
    pub suite: String,
    /// The package, or the one that depends on the newest.
    pub package: String,
    /// Prefix of the version; an archive that has moved on is an error, not a surprise.
    pub series: String,
    /// The configuration in `board/kernel/` to build it with, where the package is a kernel's source.
    pub config: Option<String>,
}

/// Modules of the segment; those that they need come along.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// Lists in `board/modules/`.
    pub lists: Vec<String>,
    /// Lists of those that every boot loads: they are shipped unpacked.
    #[serde(default)]
    pub at_boot: Vec<String>,
    /// Further names.
    #[serde(default)]
    pub also: Vec<String>,
    /// All that the kernel has: its configuration was the choice.
    #[serde(default)]
    pub all: bool,
}

/// QEMU's machine for a board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// The emulator's name.
    pub program: String,
    /// Debian packages that bring it.
    pub packages: Vec<String>,
    /// For `-machine`.
    pub machine: String,
    /// For `-cpu` without KVM.
    pub cpu: String,
    /// The kernel's name for the serial console.
    pub console: String,
    /// The usual size of its memory in MiB.
    pub memory_mib: u32,
}

/// Content of a card beside kernel and segments.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sdcard {
    /// Device trees, by their paths below the kernel package's directory of them.
    pub trees: Vec<String>,
    /// The firmware's files that a board of this kind does not start without.
    #[serde(default)]
    pub firmware: Vec<String>,
}

/// Flash part of a board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// The part's size in MiB, the firmware included.
    pub mib: usize,
    /// Debian's package of the firmware.
    pub package: String,
    /// The firmware's files in it, as they lie behind one another.
    pub files: Vec<String>,
}

impl Board {
    /// The board of that name, or an error that lists those there are.
    pub fn load(name: &str) -> Result<Self> {
        let path = place::repository().join("board").join(format!("{name}.toml"));
        let text = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                bail!("no board {name}; there are {}", Self::names()?.join(", "))
            }
            other => other.with_context(|| format!("read {}", path.display()))?,
        };
        let board: Self = toml::from_str(&text).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { name: name.to_owned(), ..board })
    }

    /// Every board's name, sorted.
    pub fn names() -> Result<Vec<String>> {
        let dir = place::repository().join("board");
        let mut names: Vec<String> = std::fs::read_dir(&dir)
            .with_context(|| format!("read {}", dir.display()))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// `out/NAME`.
    pub fn out(&self) -> Result<PathBuf> {
        place::out(&self.name)
    }
}

/// A processor.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM
    #[serde(rename = "aarch64")]
    Aarch64,
}

impl Arch {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The kernel's and Rust's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Debian's, Go's and OCI's name.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// Rust's target for the appliance.
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// Rust's target for a program that the firmware runs.
    pub const fn uefi_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-uefi",
            Self::Aarch64 => "aarch64-unknown-uefi",
        }
    }

    /// The file that UEFI looks for on a medium that nobody set up.
    pub const fn uefi_file(self) -> &'static str {
        match self {
            Self::X86_64 => "BOOTX64.EFI",
            Self::Aarch64 => "BOOTAA64.EFI",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Arch {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|arch| arch.name() == text || arch.debian() == text)
            .with_context(|| format!("no processor {text}; there are x86_64 and aarch64"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_board_loads_and_its_lists_are_there() {
        for name in Board::names().unwrap() {
            let board = Board::load(&name).unwrap();
            for list in board.modules.lists.iter().chain(&board.modules.at_boot) {
                assert!(place::repository().join(format!("board/modules/{list}.list")).exists(), "{name}: {list}");
            }
        }
        let error = Board::load("toaster").unwrap_err().to_string();
        assert!(error.contains("toaster") && error.contains("x86_64-qemu"), "{error}");
    }
}
