//! A squashfs image of one program: a file system that the node's kernel unpacks page by page as the program is read.
//!
//! As a plain file of an initramfs the program would be unpacked by the kernel before init starts, and would hold its whole size in
//! memory for good. So it stays packed, and the pages of it that nobody uses can go.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::{FilesystemCompressor, FilesystemWriter, NodeHeader};

use crate::{binary, segment, sum};

/// In bytes: the largest there is. Of a kubelet it saves a tenth against the usual 128 KiB, and since most of its blocks are read at its start,
/// reading them whole costs nothing.
const BLOCK: u32 = 1 << 20;
/// zstd's last level: the window is the block in any case.
const LEVEL: u32 = 22;
/// The level of the quick profile.
const QUICK_LEVEL: u32 = 3;

/// An image beside `program`, which holds it as `/NAME`, and is made anew only when the program has changed.
pub fn image(program: &Path, name: &str) -> Result<PathBuf> {
    let bytes = fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let path = program.with_extension("squashfs");
    let stamp_path = program.with_extension("squashfs.stamp");
    let level = if binary::profile() == "release" { LEVEL } else { QUICK_LEVEL };
    let source = sum::bytes(&bytes);
    // One that was packed better will do.
    let is_good = |stamp: &str| {
        let (from, packed) = stamp.split_once(' ')?;
        Some(from == source && packed.parse::<u32>().ok()? >= level)
    };
    if path.exists() && fs::read_to_string(&stamp_path).ok().as_deref().and_then(is_good) == Some(true) {
        return Ok(path);
    }
    println!("packing {name} into a file system ({:.1} MB)", segment::megabytes(bytes.len() as u64));
    segment::replace(&path, &pack(bytes, name, level).with_context(|| format!("pack {name}"))?)?;
    segment::replace(&stamp_path, format!("{source} {level}").as_bytes())?;
    Ok(path)
}

fn pack(program: Vec<u8>, name: &str, compression_level: u32) -> Result<Vec<u8>> {
    let time = segment::epoch()?;
    let mut writer = FilesystemWriter::default();
    writer.set_block_size(BLOCK);
    writer.set_time(time);
    writer.set_root_mode(0o755);
    writer.set_only_root_id();
    let options = CompressionOptions::Zstd(Zstd { compression_level });
    writer.set_compressor(FilesystemCompressor::new(Compressor::Zstd, Some(options))?);
    writer.push_file(Cursor::new(program), name, NodeHeader::new(0o755, 0, 0, time))?;
    let mut image = Cursor::new(Vec::new());
    writer.write(&mut image)?;
    Ok(image.into_inner())
}

/// An image of all that is in a folder but what `skip` names, paths from the folder; quickly packed.
pub fn tree(root: &Path, skip: &[&str], to: &Path) -> Result<()> {
    let mut writer = FilesystemWriter::default();
    writer.set_time(segment::epoch()?);
    writer.set_root_mode(0o755);
    let options = CompressionOptions::Zstd(Zstd { compression_level: QUICK_LEVEL });
    writer.set_compressor(FilesystemCompressor::new(Compressor::Zstd, Some(options))?);
    fill(&mut writer, root, Path::new(""), skip)?;
    let partial = to.with_extension("partial");
    let mut file = fs::File::create(&partial).with_context(|| format!("make {}", partial.display()))?;
    writer.write(&mut file)?;
    fs::rename(&partial, to).with_context(|| format!("make {}", to.display()))
}

fn fill(writer: &mut FilesystemWriter<'_, '_, '_>, root: &Path, below: &Path, skip: &[&str]) -> Result<()> {
    let folder = root.join(below);
    let mut names = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let path = below.join(&name);
        let (from, at) = (root.join(&path), Path::new("/").join(&path));
        let meta = from.symlink_metadata().with_context(|| format!("look at {}", from.display()))?;
        let header = NodeHeader::new((meta.mode() & 0o7777) as u16, 0, 0, segment::epoch()?);
        if skip.iter().any(|skipped| path == Path::new(skipped)) {
            continue;
        }
        if meta.is_dir() {
            writer.push_dir(at, header)?;
            fill(writer, root, &path, skip)?;
        } else if meta.is_symlink() {
            writer.push_symlink(fs::read_link(&from)?, at, header)?;
        } else {
            let bytes = fs::read(&from).with_context(|| format!("read {}", from.display()))?;
            writer.push_file(Cursor::new(bytes), at, header)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use backhand::{FilesystemReader, InnerNode};
    use std::io::Read;

    #[test]
    fn what_went_in_comes_out_and_the_bytes_are_always_the_same() {
        let program: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let image = pack(program.clone(), "kube", 3).unwrap();
        assert!(image.len() < program.len() / 2);
        assert_eq!(pack(program.clone(), "kube", 3).unwrap(), image);
        let reader = FilesystemReader::from_reader(Cursor::new(image)).unwrap();
        let node = reader.files().find(|node| node.fullpath == Path::new("/kube")).unwrap();
        assert_eq!((node.header.permissions, node.header.uid, node.header.mtime), (0o755, 0, segment::epoch().unwrap()));
        let InnerNode::File(file) = &node.inner else { unreachable!("it is a file") };
        let mut back = Vec::new();
        reader.file(file).reader().read_to_end(&mut back).unwrap();
        assert!(back == program, "it comes out changed");
    }
}
