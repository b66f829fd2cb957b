//! U-Boot's images, "flat image trees": files with their hashes, and configurations that say which of them belong together.
//! After the "Flat Image Tree Specification" 1.0.

use alloc::vec::Vec;
use core::fmt;

use crate::crc32;
use crate::fdt::{self, Node};

/// The name of the one configuration of our images.
pub const CONFIGURATION: &str = "kutties";

/// A file in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The name of its node.
    pub name: &'a str,
    /// Kind of the image: `kernel`, `kernel_noload` (which runs where U-Boot likes), `ramdisk`,
    /// `script` and so on.
    pub kind: &'a str,
    /// The processor as U-Boot names it.
    pub arch: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Their sha256.
    pub sha256: [u8; 32],
}

/// Parts of the default configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The kernel, as it lies there.
    pub kernel: &'a [u8],
    /// Compression of the kernel: `none`, `gzip` and so on.
    pub compression: &'a str,
    /// The ramdisk, if it names one.
    pub ramdisk: Option<&'a [u8]>,
}

/// Reason why bytes are no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It is no tree.
    Tree(fdt::Error),
    /// There is no default configuration, or it names no kernel, or what it names is not there.
    NoKernel,
    /// A part is not what its checksum says.
    Damaged,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(e) => e.fmt(f),
            Self::NoKernel => f.write_str("the U-Boot image's default configuration names no kernel that is there"),
            Self::Damaged => f.write_str("a part of the U-Boot image does not have its checksum"),
        }
    }
}

impl core::error::Error for Error {}

/// The image of a kernel, a ramdisk and other parts, which no configuration names. The ramdisk comes first: a kernel that runs where
/// it likes is moved upwards, and would be moved over what is behind it. A property's bytes begin at a multiple of four.
pub fn write(
    description: &str,
    time: u32,
    kernel: Part<'_>,
    ramdisk: Part<'_>,
    others: &[Part<'_>],
) -> Result<Vec<u8>, fdt::Error> {
    let parts = others.iter().copied().chain([ramdisk, kernel]);
    let images = parts.fold(Node::new("images"), |images, part| images.with(image(part)));
    let configuration =
        Node::new(CONFIGURATION).text("description", description).text("kernel", kernel.name).text("ramdisk", ramdisk.name);
    let configurations = Node::new("configurations").text("default", CONFIGURATION).with(configuration);
    let root = Node::new("").text("description", description).number("timestamp", time).number("#address-cells", 1);
    fdt::write(&root.with(images).with(configurations))
}

/// A script for U-Boot in a file of its own, which needs the older format with a fixed header: `boot.scr`.
pub fn script(name: &str, time: u32, text: &str) -> Vec<u8> {
    // Linux, arm64, a script, not packed.
    const KIND: [u8; 4] = [5, 22, 6, 0];
    let len = (text.len() as u32).to_be_bytes();
    let data: Vec<u8> = len.into_iter().chain([0; 4]).chain(text.bytes()).collect();
    let words = [0x2705_1956, 0, time, data.len() as u32, 0, 0, crc32::of(&data)];
    let mut head: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).chain(KIND).collect();
    head.extend(name.bytes().chain(core::iter::repeat(0)).take(32));
    let sum = crc32::of(&head).to_be_bytes();
    head[4..8].copy_from_slice(&sum);
    head.extend(data);
    head
}

fn image(part: Part<'_>) -> Node<'_> {
    let hash = |name, algorithm, value: Vec<u8>| Node::new(name).text("algo", algorithm).bytes("value", value);
    let mut node = Node::new(part.name).text("description", part.name).text("type", part.kind).text("arch", part.arch);
    if part.kind.starts_with("kernel") {
        // Both are told even where the kernel runs wherever it lies.
        node = node.number("load", 0).number("entry", 0);
    }
    node.text("os", "linux")
        .text("compression", "none")
        .bytes("data", part.bytes)
        .with(hash("hash-1", "sha256", part.sha256.to_vec()))
        .with(hash("hash-2", "crc32", crc32::of(part.bytes).to_be_bytes().to_vec()))
}

/// Kernel and ramdisk of the default configuration; their CRC32 is checked where the image has one.
pub fn parts<'a>(tree: &'a Node<'_>) -> Result<Parts<'a>, Error> {
    let configurations = tree.node("configurations").ok_or(Error::NoKernel)?;
    let named = configurations.string("default").and_then(|name| configurations.node(name));
    let configuration = named.or(configurations.nodes.first()).ok_or(Error::NoKernel)?;
    let image = |what: &str| tree.node("images")?.node(configuration.string(what)?);
    let kernel = image("kernel").ok_or(Error::NoKernel)?;
    let ramdisk = match configuration.value("ramdisk") {
        Some(_) => Some(checked(image("ramdisk").ok_or(Error::NoKernel)?)?),
        None => None,
    };
    Ok(Parts { kernel: checked(kernel)?, compression: kernel.string("compression").unwrap_or("none"), ramdisk })
}

/// A part's bytes, which must be inside: U-Boot's images with data behind the tree are not read.
fn checked<'a>(image: &'a Node<'_>) -> Result<&'a [u8], Error> {
    let bytes = image.value("data").ok_or(Error::NoKernel)?;
    let sums = image.nodes.iter().filter(|hash| hash.string("algo") == Some("crc32"));
    for sum in sums {
        if sum.value("value") != Some(crc32::of(bytes).to_be_bytes().as_slice()) {
            return Err(Error::Damaged);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn part<'a>(name: &'a str, kind: &'a str, bytes: &'a [u8]) -> Part<'a> {
        Part { name, kind, arch: "arm64", bytes, sha256: [9; 32] }
    }

    fn image() -> Vec<u8> {
        let script = part("boot", "script", b"bootm");
        write("kutties", 0, part("kernel", "kernel_noload", b"code"), part("ramdisk", "ramdisk", b"files"), &[script]).unwrap()
    }

    #[test]
    fn kernel_and_ramdisk_come_back() {
        let bytes = image();
        let tree = fdt::parse(&bytes).unwrap();
        let expected = Parts { kernel: b"code", compression: "none", ramdisk: Some(b"files") };
        assert_eq!(parts(&tree), Ok(expected));
        let script = tree.node("images").and_then(|images| images.node("boot")).unwrap();
        assert_eq!((script.string("type"), script.value("data")), (Some("script"), Some(b"bootm".as_slice())));
        let find = |what: &[u8]| bytes.windows(what.len()).position(|part| part == what).unwrap();
        assert!(find(b"files") < find(b"code"), "the kernel would be moved over the ramdisk");
    }

    #[test]
    fn scripts_have_their_checksums() {
        let mut file = script("boot", 0, "bootm");
        assert_eq!((file.len(), &file[64..]), (77, [&[0, 0, 0, 5, 0, 0, 0, 0], b"bootm".as_slice()].concat().as_slice()));
        assert_eq!(file[24..28], crc32::of(&file[64..]).to_be_bytes());
        let sum: [u8; 4] = core::array::from_fn(|at| file[4 + at]);
        file[4..8].fill(0);
        assert_eq!(sum, crc32::of(&file[..64]).to_be_bytes());
    }

    #[test]
    fn a_changed_part_is_noticed() {
        let mut bytes = image();
        let at = bytes.windows(4).position(|part| part == b"code").unwrap();
        bytes[at] ^= 1;
        assert_eq!(parts(&fdt::parse(&bytes).unwrap()), Err(Error::Damaged));
        assert_eq!(parts(&Node::new("")), Err(Error::NoKernel));
    }
}
