//! Record of an image kind, and the work that it is given. The table of kinds is in `kinds.rs`.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::binary;
use crate::bios::Bios;
use crate::board::{Arch, Board};
use crate::outputs::Outputs;
use crate::segment::{megabytes, replace};

/// Kind of images: everything that the build, the manifest, the boot matrix and the README's table
/// say of it.
pub struct Kind {
    /// Name in a board's `images`.
    pub name: &'static str,
    /// Files below the board's directory that hold all parts, if they are large enough.
    pub files: &'static [&'static str],
    /// Further files and directories; a directory ends with a slash.
    pub others: &'static [&'static str],
    /// Use of it, in a few words, for the README's table.
    pub about: &'static str,
    /// Processors for which it can be made.
    pub arches: &'static [Arch],
    /// Cases of the tests' area `media` that boot it; none where no emulator plays the board.
    pub boots: &'static [&'static str],
    /// Packed files are smaller than their parts.
    pub packed: bool,
    /// Writes the files; their paths.
    pub make: fn(&Job<'_>) -> Result<Vec<PathBuf>>,
}

/// Both processors.
pub const BOTH: &[Arch] = &Arch::ALL;

/// Value that is made when it is first asked for.
pub struct Made<T>(OnceCell<T>);

impl<T> Made<T> {
    const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// The value; `make` runs at most once without an error.
    ///
    /// # Errors
    /// That of `make`, which runs again the next time.
    pub fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        if let Some(value) = self.0.get() {
            return Ok(value);
        }
        let value = make()?;
        Ok(self.0.get_or_init(|| value))
    }
}

/// Files that images are made from beside the parts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Kernel release, as `uname -r` prints it.
    pub release: &'a str,
    /// Directory of the kernel's device trees; the kernels of x86 have none.
    pub trees: Option<&'a Path>,
    /// Directory with a board's own firmware files, which may not be shipped.
    pub firmware: Option<&'a Path>,
}

/// Programs of ours that firmware starts.
pub struct Programs {
    /// UEFI program.
    pub loader: PathBuf,
    /// Boot sector and stage for a BIOS.
    pub bios: Option<Bios>,
}

impl Programs {
    /// Build them.
    pub fn build(arch: Arch) -> Result<Self> {
        let bios = match arch {
            Arch::X86_64 => Some(Bios::read(&binary::bios()?)?),
            Arch::Aarch64 => None,
        };
        Ok(Self { loader: binary::loader(arch)?, bios })
    }
}

/// Board whose images are made, and the pieces that several kinds share, each made when a kind
/// first needs it.
pub struct Job<'a> {
    /// Board.
    pub board: &'a Board,
    /// Parts.
    pub outputs: &'a Outputs,
    /// Other files.
    pub given: Given<'a>,
    /// Kernel's command line.
    pub cmdline: String,
    /// Bytes of `kutties.efi`: ask `uki::bytes`.
    pub efi: Made<Vec<u8>>,
    /// Bytes of `disk.img`: ask `disk::bytes`.
    pub disk: Made<Vec<u8>>,
    programs: Made<Programs>,
}

impl<'a> Job<'a> {
    /// Work for a board; nothing is built yet.
    pub fn new(board: &'a Board, outputs: &'a Outputs, given: Given<'a>) -> Self {
        let cmdline = cmdline(board);
        Self { board, outputs, given, cmdline, efi: Made::new(), disk: Made::new(), programs: Made::new() }
    }

    /// The same with programs that are built already.
    #[cfg(test)]
    #[must_use]
    pub fn with(self, programs: Programs) -> Self {
        let _ = self.programs.0.set(programs);
        self
    }

    /// Programs of ours that firmware starts.
    ///
    /// # Errors
    /// They can't be built.
    pub fn programs(&self) -> Result<&Programs> {
        self.programs.get(|| Programs::build(self.board.arch))
    }

    /// Writes a file of the board's directory; its path.
    ///
    /// # Errors
    /// It can't be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<Vec<PathBuf>> {
        println!("writing {name} ({:.1} MB)", megabytes(bytes.len() as u64));
        let path = self.outputs.dir.join(name);
        replace(&path, bytes).map(|()| vec![path])
    }
}

/// Kernel's command line where nobody else gives one. The last console is the one that programs mean by /dev/console.
fn cmdline(board: &Board) -> String {
    let consoles = board.consoles.iter().map(|console| format!("console={console}"));
    consoles.chain([board.cmdline.clone()]).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
