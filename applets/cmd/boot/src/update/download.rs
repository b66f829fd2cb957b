//! The files of a manifest, into memory: no longer than it says, and with the sum that it says.

use std::time::Duration;

use kit::web::{Limits, fetch};
use kit::{Error, Result};
use ring::digest::{Context as Digest, SHA256};

use super::{File, say};
use crate::kexec::Parts;

/// Timeout of a whole file: 1 GiB over a slow line.
const FILE_TIMEOUT: Duration = Duration::from_hours(1);

/// The kernel's file.
pub fn kernel(directory: &str, file: &File) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    checked(directory, file, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(all)
}

/// A segment, behind those that are there. When it is no good they are of no use either.
pub fn segment(directory: &str, file: &File, to: &mut Parts) -> Result<()> {
    checked(directory, file, |part| to.write(part))?;
    to.close()
}

/// A file, part by part. What was taken is good when this returns well, and not before.
pub fn checked(directory: &str, file: &File, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let url = format!("{directory}/{}", file.name);
    say(&format!("fetching {url} ({} bytes)", file.bytes))?;
    let (mut digest, mut bytes) = (Digest::new(&SHA256), 0);
    fetch(&url, Limits { bytes: file.bytes, time: FILE_TIMEOUT }, |part| {
        digest.update(part);
        bytes += part.len() as u64;
        take(part)
    })?;
    if bytes != file.bytes {
        return Err(Error::new(format!("{url} has {bytes} bytes, not {} as the manifest says", file.bytes)));
    }
    let sum = kit::hex::encode(digest.finish());
    if sum != file.sha256 {
        return Err(Error::new(format!("{url} is not what the manifest says: its SHA-256 is {sum}")));
    }
    Ok(())
}
