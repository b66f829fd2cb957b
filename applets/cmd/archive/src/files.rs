//! Files out of archives of any kind: names made safe, places that nothing leads out of, and what is told of a file.

pub(crate) mod acl;
pub(crate) mod attributes;
pub(crate) mod member;
pub(crate) mod names;
pub(crate) mod old;
pub(crate) mod owners;
pub(crate) mod place;
pub(crate) mod status;
pub(crate) mod unpack;

pub(crate) use old::Backup;

use std::fs;

/// Bits that new files' modes go without; asking the call for them would change them.
pub(crate) fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("Umask:")?.trim(), 8).ok());
    mask.unwrap_or(0o022)
}
