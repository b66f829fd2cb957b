//! A disk's image as `.zst` and `.xz`, for downloads.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::kind::{self, Job, Kind};
use crate::segment::{self, replace};
use crate::{disk, sdcard};

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "packed",
    files: &["disk.img.zst", "disk.img.xz", "sdcard.img.zst", "sdcard.img.xz"],
    others: &[],
    about: "the disk or the card, packed for a download",
    arches: kind::BOTH,
    boots: &[],
    packed: true,
    make: pack,
};

/// Packs the disk, or the card where the board has no disk.
fn pack(job: &Job<'_>) -> Result<Vec<PathBuf>> {
    let has_disk = job.board.images.iter().any(|name| name == disk::KIND.name);
    write(&job.outputs.dir.join(if has_disk { "disk.img" } else { sdcard::NAME }))
}

/// Write both beside the image; their paths.
pub fn write(image: &Path) -> Result<Vec<PathBuf>> {
    let bytes = std::fs::read(image).with_context(|| format!("read {}", image.display()))?;
    println!("packing {} ({:.1} MB)", image.display(), segment::megabytes(bytes.len() as u64));
    let packed = [("zst", segment::pack(&bytes)?), ("xz", xz(&bytes)?)];
    let written = packed.into_iter().map(|(ending, bytes)| {
        let path = PathBuf::from(format!("{}.{ending}", image.display()));
        replace(&path, &bytes).map(|()| path)
    });
    written.collect()
}

/// One thread, for the number of threads decides how the bytes are cut. Most of an image is packed already, so more effort saves nothing.
fn xz(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new("xz")
        .args(["-1", "--threads=1", "--check=crc64", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("run xz")?;
    let mut input = child.stdin.take().context("run xz")?;
    let (written, output) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || input.write_all(bytes));
        let output = child.wait_with_output();
        (writer.join(), output)
    });
    let output = output.context("run xz")?;
    written.map_err(|_| anyhow::anyhow!("run xz"))?.context("run xz")?;
    ensure!(output.status.success(), "run xz: {}", output.status);
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_hold_the_image() {
        let dir = std::env::temp_dir().join(format!("kutties-packed-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(|n| (n / 9).to_le_bytes()).collect();
        std::fs::write(dir.join("disk.img"), &bytes).unwrap();
        let paths = write(&dir.join("disk.img")).unwrap();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["disk.img.zst", "disk.img.xz"]);
        assert!(zstd::decode_all(std::fs::read(&paths[0]).unwrap().as_slice()).unwrap() == bytes);
        let unpacked = crate::run::bytes(Command::new("xz").args(["--decompress", "--stdout"]).arg(&paths[1])).unwrap();
        assert!(unpacked == bytes);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
