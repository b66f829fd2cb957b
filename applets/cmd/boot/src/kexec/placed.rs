//! kexec for kernels of arm64 without CONFIG_KEXEC_FILE, such as Debian's: we say where in memory everything comes.
//!
//! The new kernel finds all as from a boot loader (Documentation/arch/arm64/booting.rst): itself at
//! a multiple of 2 MiB, its device tree's address in x0, zeroes in x1 to x3. The tree is this
//! kernel's own with another command line and initramfs. A few instructions of ours set the
//! registers, because the old kernel sets none for a kernel that came in pieces.

use std::fs;
use std::path::Path;

use format::fdt::{self, Node};
use kit::{Context, Error, Result};
use rustix::rand::{GetRandomFlags, getrandom};
use sys::kexec::Segment;

/// Alignment of all segments: the largest page of arm64.
const PAGE: u64 = 64 << 10;
/// The kernel's own place is a multiple of that.
const KERNEL: u64 = 2 << 20;
/// The lengths of what is written into the tree: addresses are 64 bits there.
const SEEDS: [(&str, usize); 2] = [("kaslr-seed", 8), ("rng-seed", 64)];
/// `ldr x4, 24; ldr x0, 32; mov x1, xzr; mov x2, xzr; mov x3, xzr; br x4`, before the two addresses.
const ENTRY: [u32; 6] = [0x5800_00c4, 0x5800_00e0, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0xd61f_0080];
/// Files of the kernel about this machine: its device tree and its memory.
const TREE: &str = "/sys/firmware/fdt";
const MEMORY: &str = "/proc/iomem";

/// Load a kernel's image with an initramfs and a command line.
pub fn load(image: &[u8], initramfs: &[u8], words: &str) -> Result<()> {
    let kernel = Image::parse(image).ok_or_else(|| Error::new("it is no kernel for this machine"))?;
    let old = fs::read(TREE).on("read", Path::new(TREE))?;
    let memory = fs::read_to_string(MEMORY).on("read", Path::new(MEMORY))?;
    let mut free = free(&memory);
    let full = || Error::new("there is not enough memory in one piece");
    let base = take(&mut free, kernel.offset + kernel.memory, KERNEL).ok_or_else(full)?;
    let start = take(&mut free, initramfs.len() as u64, PAGE).ok_or_else(full)?;
    let mut seeds = [0; 72];
    getrandom(&mut seeds, GetRandomFlags::empty()).doing("get random bytes")?;
    let tree = tree(&old, words, (start, initramfs.len() as u64), &seeds).doing(format!("read {TREE}"))?;
    let at = take(&mut free, tree.len() as u64, KERNEL).ok_or_else(full)?;
    let entry = take(&mut free, PAGE, PAGE).ok_or_else(full)?;
    let code = entry_code(base + kernel.offset, at);
    let pages = |bytes: &[u8]| (bytes.len() as u64).next_multiple_of(PAGE);
    let mut segments = vec![
        Segment { bytes: image, address: base + kernel.offset, memory: kernel.memory.next_multiple_of(PAGE) },
        Segment { bytes: &tree, address: at, memory: pages(&tree) },
        Segment { bytes: &code, address: entry, memory: PAGE },
    ];
    if !initramfs.is_empty() {
        segments.push(Segment { bytes: initramfs, address: start, memory: pages(initramfs) });
    }
    sys::kexec::load_segments(entry, &segments).map_err(|e| Error::new(super::sentence(&e, "CONFIG_KEXEC")))
}

/// Head of a kernel's image.
#[derive(Debug, PartialEq, Eq)]
struct Image {
    /// Offset from a multiple of 2 MiB at which it must lie, in bytes.
    offset: u64,
    /// Size in memory, in bytes.
    memory: u64,
}

impl Image {
    fn parse(image: &[u8]) -> Option<Self> {
        let long = |at: usize| image.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let (offset, memory) = (long(8)?, long(16)?);
        let holds = image.get(56..60)? == b"ARM\x64" && offset < KERNEL && offset % PAGE == 0;
        (holds && memory >= image.len() as u64 && memory < 1 << 30).then_some(Self { offset, memory })
    }
}

/// A piece of memory: its first address, and the first behind it.
type Piece = (u64, u64);

/// Memory that may be taken, from lines such as `40000000-7fffffff : System RAM`. What is indented lies within, and `reserved` there
/// belongs to the firmware or to devices; the old kernel itself may be overwritten.
fn free(iomem: &str) -> Vec<Piece> {
    let mut free: Vec<Piece> = Vec::new();
    for line in iomem.lines() {
        let Some((range, name)) = line.split_once(" : ") else { continue };
        let bounds = range.trim().split_once('-').and_then(|(from, last)| {
            Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(last, 16).ok()?.checked_add(1)?))
        });
        match (bounds, name) {
            (Some(piece), "System RAM") => free.push(piece),
            (Some(piece), "reserved" | "Crash kernel") => {
                free = free.into_iter().flat_map(|whole| without(whole, piece)).collect();
            }
            _ => {}
        }
    }
    free
}

fn without(whole: Piece, piece: Piece) -> impl Iterator<Item = Piece> {
    [(whole.0, whole.1.min(piece.0)), (whole.0.max(piece.1), whole.1)].into_iter().filter(|(from, to)| from < to)
}

/// Take so many bytes at a multiple of `align` out of the first piece that has them, in whole pages.
fn take(free: &mut Vec<Piece>, len: u64, align: u64) -> Option<u64> {
    let len = len.checked_next_multiple_of(PAGE)?;
    let fits = |(from, to): &Piece| {
        let at = from.checked_next_multiple_of(align)?;
        (at.checked_add(len)? <= *to).then_some(at)
    };
    let (index, at) = free.iter().enumerate().find_map(|(index, piece)| Some((index, fits(piece)?)))?;
    let whole = free.remove(index);
    free.extend(without(whole, (at, at + len)));
    free.sort_unstable();
    Some(at)
}

/// This machine's tree for another kernel.
fn tree(old: &[u8], words: &str, (start, len): (u64, u64), seeds: &[u8; 72]) -> std::result::Result<Vec<u8>, fdt::Error> {
    let mut root = fdt::parse(old)?;
    if root.node("chosen").is_none() {
        root.nodes.push(Node::new("chosen"));
    }
    let end = start + len;
    for chosen in root.nodes.iter_mut().filter(|node| node.name == "chosen") {
        let ours = ["bootargs", "linux,initrd-start", "linux,initrd-end"].into_iter().chain(SEEDS.map(|(name, _)| name));
        let ours: Vec<&str> = ours.collect();
        chosen.properties.retain(|(name, _)| !ours.contains(&name.as_ref()));
        let text = [words.as_bytes(), &[0]].concat();
        chosen.properties.push(("bootargs".into(), text.into()));
        if len > 0 {
            chosen.properties.push(("linux,initrd-start".into(), start.to_be_bytes().to_vec().into()));
            chosen.properties.push(("linux,initrd-end".into(), end.to_be_bytes().to_vec().into()));
        }
        let mut from = 0;
        for (name, len) in SEEDS {
            chosen.properties.push((name.into(), seeds[from..from + len].to_vec().into()));
            from += len;
        }
    }
    fdt::write_reserving(&root, &fdt::reserved(old)?)
}

/// Returns the code that sets the registers and goes to the kernel.
fn entry_code(kernel: u64, tree: u64) -> Vec<u8> {
    let words = ENTRY.iter().flat_map(|word| word.to_le_bytes());
    words.chain(kernel.to_le_bytes()).chain(tree.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const IOMEM: &str = "\
09000000-09000fff : pl011@9000000
40000000-5fffffff : System RAM
  40200000-41ffffff : Kernel code
  43000000-430fffff : reserved
60000000-6000ffff : System RAM
6fff0000-ffff : bad
70000000-7fffffff : System RAM
  70000000-7fffffff : reserved
";

    #[test]
    fn memory_is_what_nobody_reserved() {
        assert_eq!(free(IOMEM), [(0x4000_0000, 0x4300_0000), (0x4310_0000, 0x6000_0000), (0x6000_0000, 0x6001_0000)]);
        assert_eq!(free("no lines\n"), []);
    }

    #[test]
    fn pieces_are_taken_once() {
        let mut left = vec![(0x1_0000, 0x41_0000), (0x50_0000, 0x51_0000)];
        assert_eq!(take(&mut left, 0x20_0000, KERNEL), Some(0x20_0000));
        assert_eq!(take(&mut left, 1, PAGE), Some(0x1_0000));
        assert_eq!(left, [(0x2_0000, 0x20_0000), (0x40_0000, 0x41_0000), (0x50_0000, 0x51_0000)]);
        assert_eq!(take(&mut left, 0x20_0000, PAGE), None);
        assert_eq!(take(&mut left, u64::MAX, PAGE), None);
    }

    #[test]
    fn heads_of_images() {
        let mut image = vec![0; 128];
        image[16..24].copy_from_slice(&0x20_0000_u64.to_le_bytes());
        image[56..60].copy_from_slice(b"ARM\x64");
        assert_eq!(Image::parse(&image), Some(Image { offset: 0, memory: 0x20_0000 }));
        assert_eq!(Image::parse(&image[..59]), None);
        image[8] = 1;
        assert_eq!(Image::parse(&image), None, "not at a page");
        image[8] = 0;
        image[16..24].copy_from_slice(&100_u64.to_le_bytes());
        assert_eq!(Image::parse(&image), None, "less memory than bytes");
    }

    #[test]
    fn the_tree_keeps_all_but_what_we_say() {
        let chosen = Node::new("chosen").text("bootargs", "old").bytes("kaslr-seed", vec![1; 8]).text("stdout-path", "/uart");
        let old = Node::new("").with(chosen).with(Node::new("memory").text("device_type", "memory"));
        let old = fdt::write_reserving(&old, &[(0, 4096)]).unwrap();
        let new = tree(&old, "new words", (0x5000_0000, 16), &[7; 72]).unwrap();
        assert_eq!(fdt::reserved(&new).unwrap(), [(0, 4096)]);
        let root = fdt::parse(&new).unwrap();
        let chosen = root.node("chosen").unwrap();
        assert_eq!((chosen.string("bootargs"), chosen.string("stdout-path")), (Some("new words"), Some("/uart")));
        assert_eq!(chosen.value("linux,initrd-end"), Some(0x5000_0010_u64.to_be_bytes().as_slice()));
        assert_eq!((chosen.value("kaslr-seed"), chosen.value("rng-seed")), (Some([7; 8].as_slice()), Some([7; 64].as_slice())));
        assert_eq!(root.node("memory").and_then(|node| node.string("device_type")), Some("memory"));
        let bare = fdt::write(&Node::new("")).unwrap();
        let bare = tree(&bare, "", (0, 0), &[0; 72]).unwrap();
        assert!(fdt::parse(&bare).unwrap().node("chosen").unwrap().value("linux,initrd-start").is_none());
    }

    #[test]
    fn the_code_holds_both_addresses() {
        let code = entry_code(0x4020_0000, 0x4800_0000);
        // Both loads reach for words behind the last instruction: PC-relative, in words, in bits 5 to 23.
        let reach = |index: usize| index * 4 + (((ENTRY[index] >> 5) & 0x7_ffff) * 4) as usize;
        assert_eq!(code[reach(0)..][..8], 0x4020_0000_u64.to_le_bytes());
        assert_eq!(code[reach(1)..][..8], 0x4800_0000_u64.to_le_bytes());
    }
}
