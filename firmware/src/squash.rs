//! A squashfs image of one program, or of one and the layers of images: a file system that the node's kernel unpacks page by page as
//! it is read.
//!
//! As a plain file of an initramfs the program would be unpacked by the kernel before init starts, and would hold its whole size in
//! memory for good. So it stays packed, and the pages of it that nobody uses can go.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::{FilesystemCompressor, FilesystemWriter, NodeHeader};
use initramfs::{Archive, Node};

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
    let source = sum::bytes(&bytes);
    anew(&path, &source, || {
        println!("packing {name} into a file system ({:.1} MB)", segment::megabytes(bytes.len() as u64));
        pack(bytes, name, level()).with_context(|| format!("pack {name}"))
    })?;
    Ok(path)
}

/// Makes the file anew, unless it is there and was made of the same; one that was packed better will do.
fn anew(path: &Path, source: &str, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
    let (level, stamp_path) = (level(), path.with_extension("squashfs.stamp"));
    let is_good = |stamp: &str| {
        let (from, packed) = stamp.split_once(' ')?;
        Some(from == source && packed.parse::<u32>().ok()? >= level)
    };
    if path.exists() && fs::read_to_string(&stamp_path).ok().as_deref().and_then(is_good) == Some(true) {
        return Ok(());
    }
    segment::replace(path, &make()?)?;
    segment::replace(&stamp_path, format!("{source} {level}").as_bytes())
}

fn level() -> u32 {
    if binary::profile() == "release" { LEVEL } else { QUICK_LEVEL }
}

/// A writer of the node's bundle.
fn writer<'a>(compression_level: u32) -> Result<FilesystemWriter<'a, 'a, 'a>> {
    let mut writer = FilesystemWriter::default();
    writer.set_block_size(BLOCK);
    writer.set_time(segment::epoch()?);
    writer.set_root_mode(0o755);
    writer.set_only_root_id();
    let options = CompressionOptions::Zstd(Zstd { compression_level });
    writer.set_compressor(FilesystemCompressor::new(Compressor::Zstd, Some(options))?);
    Ok(writer)
}

fn written(mut writer: FilesystemWriter<'_, '_, '_>) -> Result<Vec<u8>> {
    let mut image = Cursor::new(Vec::new());
    writer.write(&mut image)?;
    Ok(image.into_inner())
}

fn pack(program: Vec<u8>, name: &str, compression_level: u32) -> Result<Vec<u8>> {
    let mut writer = writer(compression_level)?;
    writer.push_file(Cursor::new(program), name, NodeHeader::new(0o755, 0, 0, segment::epoch()?))?;
    written(writer)
}

/// An image at `path` of an archive's files, made anew only when one of them has changed.
pub fn archive(files: &Archive, path: &Path) -> Result<()> {
    let source = sum::bytes(&files.to_newc(segment::epoch()?)?);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    anew(path, &source, || {
        println!("packing {name}");
        let mut writer = writer(level())?;
        let time = segment::epoch()?;
        for (at, node) in files.nodes() {
            let header = |mode: u32| NodeHeader::new((mode & 0o7777) as u16, 0, 0, time);
            match node {
                Node::Directory(mode) => writer.push_dir(at, header(*mode))?,
                Node::File(mode, bytes) => writer.push_file(bytes.as_slice(), at, header(*mode))?,
                Node::Link(target) => writer.push_symlink(target, at, header(0o777))?,
                Node::Device(..) => bail!("pack {at}: devices have no place in it"),
            }
        }
        written(writer)
    })
}

/// An image of all that is in a directory but what `skip` names, paths from the directory; quickly packed.
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
    let directory = root.join(below);
    let mut names = fs::read_dir(&directory)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
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
    fn an_archive_s_nodes_come_out() {
        let dir = std::env::temp_dir().join(format!("kutties-squash-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut files = Archive::new();
        files.file("/layers/a/bin/p", 0o755, vec![7; 2_500_000]).unwrap();
        files.directory("/layers/a/tmp").unwrap();
        files.put("/layers/a/sticky", Node::Directory(0o1777)).unwrap();
        files.link("/p", "layers/a/bin/p").unwrap();
        let path = dir.join("t.squashfs");
        archive(&files, &path).unwrap();
        let (image, made) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        archive(&files, &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);
        let reader = FilesystemReader::from_reader(Cursor::new(image)).unwrap();
        let node = |path: &str| reader.files().find(|node| node.fullpath == Path::new(path)).unwrap();
        assert_eq!(node("/layers/a/sticky").header.permissions, 0o1777);
        let InnerNode::Symlink(link) = &node("/p").inner else { unreachable!("it is a link") };
        assert_eq!(link.link, Path::new("layers/a/bin/p"));
        let InnerNode::File(file) = &node("/layers/a/bin/p").inner else { unreachable!("it is a file") };
        let mut back = Vec::new();
        reader.file(file).reader().read_to_end(&mut back).unwrap();
        assert!(back == vec![7; 2_500_000], "it comes out changed");
        files.file("/q", 0o644, "q").unwrap();
        archive(&files, &path).unwrap();
        assert_ne!(fs::read(&path).unwrap().len(), 0);
        fs::remove_dir_all(&dir).unwrap();
    }

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
