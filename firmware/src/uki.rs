//! `kutties.efi`: one UEFI program that carries the kernel, its command line and the segments.
//!
//! Sections are named as the UAPI group's "Unified Kernel Image" says, so that its tools read the file. The firmware's certificate
//! table stays empty: that is where a signature goes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use format::pe;

use crate::kind::{self, Job, Kind};
use crate::outputs::Outputs;
use crate::version;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "uki",
    files: &["kutties.efi"],
    others: &[],
    about: "one UEFI program: kernel, command line and all segments",
    arches: kind::BOTH,
    boots: &["http-by-uefi"],
    packed: false,
    make: |job| job.put("kutties.efi", bytes(job)?),
};

/// Bytes of `kutties.efi`, made once.
pub fn bytes<'j>(job: &'j Job<'_>) -> Result<&'j [u8]> {
    let make = || build(&job.programs()?.loader, job.outputs, &job.cmdline, job.given.release);
    job.efi.get(make).map(Vec::as_slice)
}

/// Segments in one section begin at multiples of it: the kernel's rule for archives behind one another.
const ALIGN: usize = 4;

/// The file's bytes.
pub fn build(loader: &Path, outputs: &Outputs, cmdline: &str, release: &str) -> Result<Vec<u8>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    let system = format!("ID=kutties\nNAME=kutties\nPRETTY_NAME=kutties\nVERSION_ID={}\n", version::text());
    let sections = [
        (".osrel", system.into_bytes()),
        (".uname", release.as_bytes().to_vec()),
        (".cmdline", cmdline.as_bytes().to_vec()),
        (".initrd", together(outputs.segments().into_iter().map(read).collect::<Result<_>>()?)),
        (".linux", read(&outputs.vmlinuz)?),
    ];
    let sections: Vec<(&str, &[u8])> = sections.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    pe::with_sections(&read(loader)?, &sections).with_context(|| format!("add sections to {}", loader.display()))
}

/// Archives behind one another.
pub fn together(segments: Vec<Vec<u8>>) -> Vec<u8> {
    segments.into_iter().fold(Vec::new(), |mut all, segment| {
        all.resize(all.len().next_multiple_of(ALIGN), 0);
        all.extend(segment);
        all
    })
}
