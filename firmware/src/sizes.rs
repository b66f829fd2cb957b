//! The size table, and the limits that a release has to keep.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::board::{Arch, Board};
use crate::manifest::{Manifest, Output, Part};
use crate::outputs::Outputs;
use crate::segment::{megabytes, replace};
use crate::treemap::{self, Item};
use crate::{binary, symbols, tools};

/// The binary's limits: as it is, so that it fits a flash part, and as xz, what a download costs.
const LIMIT: u64 = 16 << 20;
const LIMIT_XZ: u64 = (5 << 20) + (512 << 10);
/// The limit of all that boots, for a control plane with its images, in bytes.
const LIMIT_CONTROL_PLANE: u64 = 115_000_000;
/// The segment of such a one.
const CONTROL_PLANE: &str = "kube-control-plane.cpio.zst";

/// Beside the outputs: sizes as xz by sum, for measuring takes longer than building what did not change.
const MEASURED: &str = ".xz-branches.json";

/// Print each output's size, as it is, before compression, and with `all_xz` as xz (which takes a minute); the binary's as xz always.
pub fn print(outputs: &Outputs, all_xz: bool) -> Result<()> {
    let manifest = Manifest::read(&outputs.manifest)?;
    println!("{:<22} {:>9} {:>9} {:>9}   MB", manifest.board, "raw", "file", "xz");
    for file in &manifest.files {
        let is_binary = file.name == "kutties";
        let xz =
            if is_binary || (all_xz && file.raw.is_some()) { Some(measured(&outputs.dir, file, manifest.arch)?) } else { None };
        let shown = |bytes: Option<u64>| bytes.map_or_else(String::new, |bytes| format!("{:.2}", megabytes(bytes)));
        println!("{:<22} {:>9} {:>9} {:>9}", file.name, shown(file.raw), shown(Some(file.bytes)), shown(xz));
        if is_binary && manifest.profile == "release" {
            limit("kutties", file.bytes, LIMIT);
            limit("kutties as xz", xz.unwrap_or_default(), LIMIT_XZ);
        }
    }
    let boots = manifest.files.iter().filter(|file| boots(file));
    let sum = boots.map(|file| file.bytes).sum::<u64>();
    println!("{:<22} {:>9} {:>9.2}", "kernel and segments", "", megabytes(sum));
    if outputs.kube.as_ref().is_some_and(|path| path.ends_with(CONTROL_PLANE)) {
        let verdict = if sum <= LIMIT_CONTROL_PLANE { "kept" } else { "MISSED" };
        println!("  limit {verdict}: all of a control plane {:.2} of {:.0} MB", megabytes(sum), megabytes(LIMIT_CONTROL_PLANE));
    }
    Ok(())
}

fn limit(what: &str, bytes: u64, limit: u64) {
    let verdict = if bytes <= limit { "kept" } else { "MISSED" };
    println!("  limit {verdict}: {what} {:.2} of {:.2} MiB", mebibytes(bytes), mebibytes(limit));
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Draw what takes the room into `sizes.svg`: the parts of a download, what is in them, and the crates of the binary.
pub fn draw(board: &Board, outputs: &Outputs) -> Result<PathBuf> {
    let manifest = Manifest::read(&outputs.manifest)?;
    let program = binary::with_symbols(board.arch, &tools::ensure(board)?)?;
    let bytes = std::fs::read(&program).with_context(|| format!("read {}", program.display()))?;
    let path = outputs.dir.join("sizes.svg");
    let crates = symbols::crates(&bytes).with_context(|| format!("read {}", program.display()))?;
    replace(&path, picture(&manifest, &crates).as_bytes())?;
    Ok(path)
}

/// Draws a manifest alone, without a build: the binary is one rectangle then.
///
/// # Errors
/// The manifest can't be read.
pub fn of_manifest(path: &Path) -> Result<String> {
    Ok(picture(&Manifest::read(path)?, &BTreeMap::new()))
}

fn picture(manifest: &Manifest, crates: &BTreeMap<String, u64>) -> String {
    let items: Vec<Item> = manifest.files.iter().filter(|file| boots(file)).map(|file| item(file, crates)).collect();
    treemap::svg(format!("{} {}", manifest.board, manifest.version).trim_end(), &items)
}

/// The kernel and the segments: what is in each image.
fn boots(file: &Output) -> bool {
    file.name == "vmlinuz" || file.raw.is_some()
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn item(file: &Output, crates: &BTreeMap<String, u64>) -> Item {
    let leaf = |name: &str, bytes: u64| Item { name: name.to_owned(), bytes: bytes as f64, parts: Vec::new() };
    let part = |part: &Part| {
        // Symbols are not all: texts and tables have none.
        let named: u64 = crates.values().sum();
        let rest = leaf("(data without names)", part.bytes.saturating_sub(named));
        let is_split = part.name.ends_with("/kutties") && !crates.is_empty();
        let parts = crates.iter().map(|(name, bytes)| leaf(name, *bytes)).chain([rest]);
        Item { parts: if is_split { parts.collect() } else { Vec::new() }, ..leaf(&part.name, part.bytes) }
    };
    Item { parts: file.parts.iter().map(part).collect(), ..leaf(&file.name, file.bytes) }
}

/// The size as xz, measured once.
fn measured(dir: &Path, file: &Output, arch: Arch) -> Result<u64> {
    let path = dir.join(MEASURED);
    let mut known: BTreeMap<String, u64> =
        std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if let Some(len) = known.get(&file.sha256) {
        return Ok(*len);
    }
    let len = xz(&dir.join(&file.name), file.raw.is_some(), arch)?;
    known.insert(file.sha256.clone(), len);
    replace(&path, serde_json::to_string(&known)?.as_bytes())?;
    Ok(len)
}

/// The size as xz of a file, or of what a zstd file holds.
fn xz(path: &Path, packed: bool, arch: Arch) -> Result<u64> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let bytes = if packed { zstd::decode_all(bytes.as_slice())? } else { bytes };
    // The filter for the machine's branches, with which kernels and their modules are packed.
    let filter = match arch {
        Arch::X86_64 => "--x86",
        Arch::Aarch64 => "--arm64",
    };
    let mut child = Command::new("xz")
        .args(["--check=crc32", filter, "--lzma2=preset=9", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("run xz")?;
    let mut input = child.stdin.take().context("run xz")?;
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let len = std::io::copy(&mut child.stdout.take().context("run xz")?, &mut std::io::sink())?;
    let written = writer.join().map_err(|_| anyhow::anyhow!("run xz"))?;
    written.and(child.wait().map(drop)).context("run xz")?;
    Ok(len)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_picture_goes_down_to_crates() {
        let file = |name: &str, raw: Option<u64>, parts: &[(&str, u64)]| {
            let parts = parts.iter().map(|(name, bytes)| Part { name: (*name).to_owned(), bytes: *bytes }).collect();
            Output { name: name.to_owned(), bytes: 5_000_000, sha256: String::new(), raw, parts, content: Vec::new() }
        };
        let manifest = Manifest {
            version: String::new(),
            board: "x86_64-qemu".to_owned(),
            arch: crate::board::Arch::X86_64,
            profile: "release".to_owned(),
            source_date_epoch: 0,
            rustc: String::new(),
            zig: String::new(),
            kernel_release: String::new(),
            packages: Vec::new(),
            boot: crate::manifest::Boot::default(),
            files: vec![
                file("vmlinuz", None, &[]),
                file("kutties", None, &[]),
                file("core.cpio.zst", Some(16_000_000), &[("bin/kutties", 15_000_000), ("etc/", 1_000_000)]),
            ],
        };
        // Any program with its symbols will do.
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let picture = picture(&manifest, &symbols::crates(&program).unwrap());
        for shown in ["x86_64-qemu: 10.00 MB", "vmlinuz 5.00 MB", "bin/kutties 4.69 MB", "<title>core ", "<title>firmware "] {
            assert!(picture.contains(shown), "{shown}: {picture}");
        }
        let whole = super::picture(&manifest, &BTreeMap::new());
        assert!(whole.contains("bin/kutties 4.69 MB") && !whole.contains("without names"), "{whole}");
    }
}
