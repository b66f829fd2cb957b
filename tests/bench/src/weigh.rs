//! Weights of a worker's segments as xz, each by itself, without kernel and test image.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use serde::{Deserialize, Serialize};

use crate::side::Side;

/// A segment's weight.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Weight {
    /// The unpacked segment's sha256: another compression weighs the same.
    of: String,
    /// Bytes as xz.
    xz: u64,
}

/// Segment file name to bytes as xz, for each side.
pub type Weights = Vec<(Side, BTreeMap<String, u64>)>;

/// Weigh what changed; xz needs a minute for the largest.
pub fn weigh(appliance: &Appliance, sides: &[Side]) -> Result<()> {
    let mut known = load(appliance);
    for path in sides.iter().flat_map(|side| side.worker(appliance)) {
        let newc = zstd::decode_all(fs::File::open(&path).on("open", &path)?).on("unpack", &path)?;
        let (of, name) = (firmware::sum::bytes(&newc), name(&path));
        if known.get(&name).is_some_and(|weight| weight.of == of) {
            continue;
        }
        println!("weighing {name}");
        known.insert(name, Weight { of, xz: xz(newc)? });
    }
    let text = serde_json::to_vec_pretty(&known).doing("encode the weights")?;
    fs::write(record(appliance), text).on("write", record(appliance))
}

/// Reads the result of [`weigh`].
pub fn read(appliance: &Appliance) -> Weights {
    let known = load(appliance);
    let parts =
        |side: Side| side.worker(appliance).iter().filter_map(|path| Some((name(path), known.get(&name(path))?.xz))).collect();
    Side::BOTH.into_iter().map(|side| (side, parts(side))).collect()
}

fn load(appliance: &Appliance) -> BTreeMap<String, Weight> {
    fs::read(record(appliance)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn record(appliance: &Appliance) -> PathBuf {
    appliance.dir().join("bench/xz.json")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().trim_end_matches(".cpio.zst").to_owned()
}

/// The kernel reads xz with a CRC-32 only.
fn xz(newc: Vec<u8>) -> Result<u64> {
    let mut child = Command::new("xz")
        .args(["-9", "--check=crc32", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing("start xz")?;
    let mut input = child.stdin.take().ok_or_else(|| Error::new("start xz: it has no input"))?;
    let mut output = child.stdout.take().ok_or_else(|| Error::new("start xz: it has no output"))?;
    let writer = std::thread::spawn(move || input.write_all(&newc));
    let bytes = std::io::copy(&mut output, &mut std::io::sink()).doing("run xz")?;
    writer.join().map_err(|_| Error::new("run xz: its input stopped"))?.doing("run xz")?;
    child.wait().doing("run xz")?;
    Ok(bytes)
}
