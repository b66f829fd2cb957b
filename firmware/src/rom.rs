//! `rom.fd`: an image for a machine's flash. Debian's UEFI firmware, and beside it a volume of ours with the kernel, its command line
//! and as many segments as fit. In the firmware our loader stands where its shell was, and what could start something else is out:
//! the machine boots from its flash, with no other medium.

use std::fs;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use format::{fv, pe};
use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};

use crate::apt::Suite;
use crate::board::{Arch, Board, Flash};
use crate::kind::{self, Kind};
use crate::outputs::Outputs;
use crate::segment::megabytes;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "rom",
    files: &["rom.fd"],
    others: &[],
    about: "a flash image with Debian's UEFI firmware: kernel and system in it",
    arches: kind::BOTH,
    boots: &["rom-with-the-system-inside"],
    packed: false,
    make: |job| job.put("rom.fd", &build(job.board, job.outputs, &job.programs()?.loader, &job.cmdline)?),
};

/// The shell's name in every EDK II.
const SHELL: fv::Guid = *b"\x83\xa5\x04\x7c\x3e\x9e\x1c\x4f\xad\x65\xe0\x52\x68\xd0\xb4\xd1";
/// Drivers that find something else to boot, by their names for people: networks, disks, file systems. Linux has its own.
const OUT: &[&str] = &[
    "UefiPxeBcDxe",
    "HttpBootDxe",
    "IScsiDxe",
    "VirtioBlkDxe",
    "VirtioScsiDxe",
    "VirtioFsDxe",
    "ScsiDisk",
    "NvmExpressDxe",
    "SataController",
    "AtaAtapiPassThruDxe",
    "AtaBusDxe",
    "UsbMassStorageDxe",
    "RamDiskDxe",
];
/// The firmware's part of a flash ends, or begins, at a multiple of it.
const ALIGN: usize = 1 << 20;
/// EDK II packs with this window, and unpacks any.
const WINDOW: u32 = 16 << 20;
/// More than a packed volume of a firmware holds.
const MOST: u64 = 256 << 20;

impl Arch {
    /// Returns the address of a flash of that length: on x86 its end is the end of 4 GiB, where the
    /// processor starts; on QEMU's and other arm64 machines its start is 0.
    const fn flash_at(self, len: usize) -> u64 {
        match self {
            Self::X86_64 => (1 << 32) - len as u64,
            Self::Aarch64 => 0,
        }
    }
}

/// The image's bytes.
pub fn build(board: &Board, outputs: &Outputs, loader: &Path, cmdline: &str) -> Result<Vec<u8>> {
    let flash = board.flash.as_ref().with_context(|| format!("board {}: a rom needs the key flash", board.name))?;
    let firmware = firmware(board, flash)?;
    let size = flash.mib << 20;
    let room = size.checked_sub(firmware.len()).filter(|room| *room > 0);
    let room = room.with_context(|| format!("board {}: its flash has no room beside the firmware", board.name))?;
    let volume = fv::volume(&[], room).with_context(|| format!("board {}: make a volume", board.name))?;
    // The firmware begins an arm64 machine's flash and ends an x86 one's.
    let (mut image, ours, theirs) = match board.arch {
        Arch::X86_64 => ([volume, firmware].concat(), 0..room, room..size),
        Arch::Aarch64 => ([firmware, volume].concat(), size - room..size, 0..size - room),
    };
    let loader = fs::read(loader).with_context(|| format!("read {}", loader.display()))?;
    let start = theirs.start;
    // On x86 flash is small: what the firmware's packed volume leaves of its own is room, too.
    let areas = |packed: &Range<usize>| match board.arch {
        Arch::X86_64 => vec![ours.clone(), start + packed.start..start + packed.end],
        Arch::Aarch64 => vec![ours.clone()],
    };
    let with_places = |packed: &Range<usize>| {
        let words = areas(packed).into_iter().flat_map(|area| [board.arch.flash_at(size) + area.start as u64, area.len() as u64]);
        pe::with_sections(&loader, &[(".flash", &words.flat_map(u64::to_le_bytes).collect::<Vec<_>>())])
    };
    let packed = patch(&mut image[theirs], with_places)?;
    fill(board, outputs, cmdline, &mut image, &areas(&packed))?;
    Ok(image)
}

/// The firmware's files behind one another, without the padding that Debian's have for QEMU.
fn firmware(board: &Board, flash: &Flash) -> Result<Vec<u8>> {
    let suite = Suite::new(&board.kernel.suite, board.arch.debian())?;
    let root = suite.unpack(&suite.fetch(&flash.package, "", false)?)?;
    let mut all = Vec::new();
    for file in &flash.files {
        let path = root.join(file);
        all.extend(fs::read(&path).with_context(|| format!("board {}: read {}", board.name, path.display()))?);
    }
    if board.arch == Arch::Aarch64 {
        let used = all.iter().rposition(|byte| *byte != 0 && *byte != 0xff).map_or(0, |last| last + 1);
        all.resize(volumes(&all).last().map_or(used, |last| last.end.max(used)).next_multiple_of(ALIGN), 0xff);
    }
    Ok(all)
}

/// Put in the kernel, its command line, and the segments: those that must be, and those behind them that fit. They are read in the
/// order of the areas, so that a segment never lies before one that it follows.
fn fill(board: &Board, outputs: &Outputs, cmdline: &str, image: &mut [u8], areas: &[Range<usize>]) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    let mut files =
        vec![(fv::KERNEL, packed(board.arch, read(&outputs.vmlinuz)?)?, true), (fv::CMDLINE, cmdline.as_bytes().to_vec(), true)];
    for path in outputs.segments() {
        // The core and its modules are the least; what Kubernetes and images add comes from elsewhere.
        files.push((fv::INITRD, read(path)?, *path == outputs.core || *path == outputs.modules));
    }
    let mut first = 0;
    for (name, bytes, must) in &files {
        let mut fits = |index: &usize| fv::add(&mut image[areas[*index].clone()], name, bytes).is_ok();
        match (first..areas.len()).find(|index| fits(index)) {
            Some(index) => first = index,
            None if *must => {
                let all = files.iter().filter(|(.., must)| *must).map(|(_, bytes, _)| bytes.len() as u64).sum();
                bail!(
                    "board {}: kernel, core and modules have {:.2} MB, more than its flash has room",
                    board.name,
                    megabytes(all)
                );
            }
            None => println!("leaving {:.1} MB out of rom.fd: they do not fit", megabytes(bytes.len() as u64)),
        }
    }
    Ok(())
}

/// zstd's level for the kernel, the last one whose window every reader takes.
const LEVEL: i32 = 19;

/// Debian's kernel of arm64 does not unpack itself; the loader does it.
fn packed(arch: Arch, kernel: Vec<u8>) -> Result<Vec<u8>> {
    match arch {
        Arch::Aarch64 if format::zboot::parse(&kernel).is_none() => {
            zstd::bulk::compress(&kernel, LEVEL).context("pack the kernel")
        }
        _ => Ok(kernel),
    }
}

/// Returns the positions of the volumes in a flash.
fn volumes(flash: &[u8]) -> Vec<Range<usize>> {
    const STEP: usize = 4096;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = flash.get(at..).filter(|rest| !rest.is_empty()) {
        match fv::length(rest) {
            Ok(len) => {
                found.push(at..at + len);
                at = (at + len).next_multiple_of(STEP);
            }
            Err(_) => at += STEP,
        }
    }
    found
}

/// Put the loader in the shell's place and take other drivers out, in the packed volume of a firmware; where the volume lies that
/// holds it, which the loader may be told.
fn patch(firmware: &mut [u8], loader: impl Fn(&Range<usize>) -> Result<Vec<u8>, pe::Error>) -> Result<Range<usize>> {
    for place in volumes(firmware) {
        let outer = &mut firmware[place.clone()];
        // A volume of variables has files of another kind.
        for file in fv::files(outer).unwrap_or_default() {
            let content = &outer[file.content.clone()];
            let packed = fv::sections(content).unwrap_or_default().into_iter().find(|section| section.guid == Some(fv::LZMA));
            let Some(packed) = packed else { continue };
            let mut inner = unpack(&content[packed.content])?;
            if change(&mut inner, &loader(&place)?)? {
                let section = fv::guided(&fv::LZMA, &pack(&inner)?);
                fv::replace(outer, &file.name, Some(&section)).context("put the changed volume into the firmware")?;
                return Ok(place);
            }
        }
    }
    bail!("change the firmware: it has no shell to put the loader in its place")
}

/// Change the volumes among these sections; whether the shell was there.
fn change(sections: &mut [u8], loader: &[u8]) -> Result<bool> {
    let volumes = fv::sections(sections)?.into_iter().filter(|section| section.kind == fv::VOLUME);
    for place in volumes.map(|section| section.content) {
        let volume = &mut sections[place];
        let files = fv::files(volume)?;
        if !files.iter().any(|file| file.name == SHELL) {
            continue;
        }
        fv::replace(volume, &SHELL, Some(&fv::section(fv::PE32, loader))).context("put the loader in the shell's place")?;
        for file in files {
            if name(&volume[file.content.clone()]).is_some_and(|name| OUT.contains(&name.as_str())) {
                fv::replace(volume, &file.name, None)?;
            }
        }
        return Ok(true);
    }
    Ok(false)
}

/// A file's name for people.
fn name(content: &[u8]) -> Option<String> {
    let section = fv::sections(content).ok()?.into_iter().find(|section| section.kind == fv::NAME)?;
    let words = content[section.content].chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    char::decode_utf16(words.take_while(|word| *word != 0)).collect::<Result<_, _>>().ok()
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = LzmaReader::new_mem_limit(packed, u32::MAX, None).context("unpack the firmware's volume")?;
    reader.take(MOST + 1).read_to_end(&mut bytes).context("unpack the firmware's volume")?;
    ensure!(bytes.len() as u64 <= MOST, "unpack the firmware's volume: it has more than {MOST} bytes");
    Ok(bytes)
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut options = LzmaOptions::with_preset(9);
    options.dict_size = WINDOW;
    let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, Some(bytes.len() as u64))?;
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const OTHER: fv::Guid = [4; 16];

    /// A volume with files that have names for people.
    fn inner() -> Vec<u8> {
        let named = |text: &str, len: usize| {
            let words: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            let program = fv::section(fv::PE32, &vec![6; len]);
            [vec![0; program.len().next_multiple_of(4) - program.len()], fv::section(fv::NAME, &words)]
                .into_iter()
                .fold(program, |all, next| [all, next].concat())
        };
        let mut volume = fv::volume(&[(OTHER, &[0; 3000]), (SHELL, &[0; 9000]), ([5; 16], &[0; 2000])], 0x8000).unwrap();
        fv::replace(&mut volume, &OTHER, Some(&named("HttpBootDxe", 2000))).unwrap();
        fv::replace(&mut volume, &SHELL, Some(&named("Shell", 8000))).unwrap();
        fv::section(fv::VOLUME, &volume)
    }

    #[test]
    fn the_loader_takes_the_shells_place_and_rivals_are_out() {
        let packed = fv::guided(&fv::LZMA, &pack(&inner()).unwrap());
        let mut flash = vec![0xff; 0x3000];
        let mut outer = fv::volume(&[(OTHER, b"x")], 0x4000).unwrap();
        fv::replace(&mut outer, &OTHER, Some(&packed)).unwrap();
        flash.extend(outer);
        assert_eq!(patch(&mut flash, |_| Ok(b"MZ the loader".to_vec())).unwrap(), 0x3000..0x7000);
        let outer = &flash[volumes(&flash)[0].clone()];
        let file = fv::files(outer).unwrap().remove(0);
        let content = &outer[file.content];
        let sections = unpack(&content[fv::sections(content).unwrap()[0].content.clone()]).unwrap();
        assert_eq!(sections.len(), inner().len());
        let volume = &sections[fv::sections(&sections).unwrap()[0].content.clone()];
        let files = fv::files(volume).unwrap();
        assert_eq!(files.iter().map(|file| file.name).collect::<Vec<_>>(), [SHELL, [5; 16]]);
        let shell = &volume[files[0].content.clone()];
        assert_eq!(&shell[fv::sections(shell).unwrap()[0].content.clone()], b"MZ the loader");
        let error = patch(&mut flash[..0x3000], |_| Ok(Vec::new())).unwrap_err().to_string();
        assert!(error.contains("no shell"), "{error}");
    }

    #[test]
    fn a_flash_ends_where_x86_starts() {
        assert_eq!(Arch::X86_64.flash_at(16 << 20), 0xff00_0000);
        assert_eq!(Arch::Aarch64.flash_at(64 << 20), 0);
    }
}
