//! Join an initramfs's segments into the one file that QEMU takes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use kit::{Context, Result};

/// Write the segments one after the other, each at a multiple of four bytes, as the kernel wants an uncompressed one to begin.
pub fn join(segments: &[PathBuf], to: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(to).on("make", to)?);
    for segment in segments {
        let mut from = File::open(segment).on("open", segment)?;
        let bytes = io::copy(&mut from, &mut out).on("copy", segment)?;
        let pad = (4 - bytes % 4) % 4;
        out.write_all(&[0; 3][..pad as usize]).on("write", to)?;
    }
    out.flush().on("write", to)
}
