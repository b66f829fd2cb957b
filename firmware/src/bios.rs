//! The BIOS's way in: the sector and the stage of `firmware/bios`, with the places of kernel and initramfs filled in.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use format::{elf, pe};

/// Blocks of 512 bytes; both programs count in them.
pub const BLOCK: usize = 512;
/// Position of the sector's request to the BIOS: the number of blocks, and the first of them.
const SECTOR_COUNT: usize = 0x82;
const SECTOR_FIRST: usize = 0x88;
/// Position of the stage's plan, and the length of the command line that it takes, with a zero
/// behind it.
const PLAN: usize = 4;
const CMDLINE: usize = 512;
/// Bytes that the stage reads at once, and with the first read all of the kernel's real-mode part.
const PIECE: usize = 0x8000;
/// In a kernel's first sector: how many sectors more its real-mode part has.
const SETUP_SECTS: usize = 0x1f1;

/// Both programs.
pub struct Bios {
    sector: Vec<u8>,
    stage: Vec<u8>,
}

/// Place of a part on the medium.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// From the medium's start.
    pub block: u64,
    /// In bytes.
    pub len: u32,
}

impl Bios {
    /// Out of the program that was built.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let part = |name: &str| {
            elf::section(&file, name).map(<[u8]>::to_vec).with_context(|| format!("find {name} in {}", path.display()))
        };
        Ok(Self { sector: part(".sector")?, stage: part(".stage")? })
    }

    /// Programs that do nothing.
    #[cfg(test)]
    pub fn blank() -> Self {
        Self { sector: vec![0; BLOCK], stage: vec![0; 4 * BLOCK] }
    }

    /// Returns the number of the stage's blocks.
    pub fn stage_blocks(&self) -> u64 {
        self.stage.len().div_ceil(BLOCK) as u64
    }

    /// The sector's code for a stage at that place, counted in the drive's own blocks.
    pub fn sector(&self, first: u64, blocks: u16) -> Vec<u8> {
        let mut code = self.sector.clone();
        code[SECTOR_COUNT..SECTOR_COUNT + 2].copy_from_slice(&blocks.to_le_bytes());
        code[SECTOR_FIRST..SECTOR_FIRST + 8].copy_from_slice(&first.to_le_bytes());
        code
    }

    /// The stage for a `kutties.efi` that begins at that block: it reads the parts out of it.
    pub fn stage(&self, uki: &[u8], block: u64) -> Result<Vec<u8>> {
        let sections = pe::sections(uki)?;
        let find = |name: &str| {
            let section = sections.iter().find(|section| section.name() == name.as_bytes());
            section.with_context(|| format!("find {name} in kutties.efi"))
        };
        let place = |name: &str| {
            let section = find(name)?;
            ensure!((section.at as usize).is_multiple_of(BLOCK), "{name} does not begin with a block");
            anyhow::Ok(Place { block: block + u64::from(section.at) / BLOCK as u64, len: section.size })
        };
        let (kernel, initrd) = (place(".linux")?, place(".initrd")?);
        check_kernel(find(".linux")?.of_file(uki).unwrap_or_default())?;
        let cmdline = find(".cmdline")?.of_file(uki).unwrap_or_default();
        ensure!(cmdline.len() < CMDLINE, "the command line is longer than {} bytes", CMDLINE - 1);
        let mut plan = Vec::new();
        for part in [kernel, initrd] {
            plan.extend(part.block.to_le_bytes());
            plan.extend(part.len.to_le_bytes());
        }
        plan.extend(cmdline);
        let mut stage = self.stage.clone();
        stage[PLAN..PLAN + plan.len()].copy_from_slice(&plan);
        stage.resize(stage.len().next_multiple_of(BLOCK), 0);
        Ok(stage)
    }
}

/// The stage reads the real-mode part with its first piece, and what follows by the blocks of a CD.
fn check_kernel(kernel: &[u8]) -> Result<()> {
    let sectors = match kernel.get(SETUP_SECTS) {
        None => anyhow::bail!("the kernel is shorter than a sector"),
        Some(0) => 4,
        Some(sectors) => usize::from(*sectors),
    };
    let len = (sectors + 1) * BLOCK;
    ensure!(len <= PIECE, "the kernel's real-mode part is longer than {PIECE} bytes");
    ensure!(len.is_multiple_of(2048), "the kernel's real-mode part does not end with a block of a CD");
    Ok(())
}
