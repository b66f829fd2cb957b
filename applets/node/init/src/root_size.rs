//! Limits of the root directory's tmpfs: bytes, from the key `root.size`, and inodes.

use config::key;
use kit::{Context, Error, Result};
use rustix::fs::{CWD, StatFs, statfs};
use rustix::mount::{FsPickFlags, fsconfig_reconfigure, fsconfig_set_string, fspick};
use rustix::system::sysinfo;

use crate::Machine;
use crate::root::TMPFS;

/// Bytes that are left at least, however much the initramfs brought: kubeadm's certificates, a few
/// plugins and settings.
const LEAST_BYTES: u64 = 16 << 20;
/// Inodes that are left at least.
const LEAST_INODES: u64 = 4096;
/// Bytes an inode, as mke2fs has it: an inode takes the kernel about a KiB that no size limit
/// counts.
const BYTES_PER_INODE: u64 = 16 << 10;

/// Limits of a tmpfs, or what is in use of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount {
    bytes: u64,
    inodes: u64,
}

/// Set the limits. A value of the key that is no size is the error, and its default holds.
pub fn limit(machine: &mut Machine) -> Result<String> {
    let now = statfs("/").on("look at", "/")?;
    if now.f_type as i64 != TMPFS {
        return Ok("no limit on this file system".into());
    }
    let info = sysinfo();
    let memory = info.totalram.saturating_mul(u64::from(info.mem_unit));
    let text = machine.config.text(&key::ROOT_SIZE);
    let chosen = size(text, memory).or_else(|| size(key::ROOT_SIZE.default, memory)).unwrap_or(memory / 4);
    let limits = limits(chosen, used(&now));
    apply(limits).doing("limit the size of /")?;
    if size(text, memory).is_none() {
        return Err(Error::new(format!("root.size={text}: not a size such as 25% or 64m; it is {}", key::ROOT_SIZE.default)));
    }
    Ok(format!("{} MiB", limits.bytes >> 20))
}

fn used(now: &StatFs) -> Amount {
    let block = now.f_bsize.cast_unsigned();
    Amount {
        bytes: now.f_blocks.saturating_sub(now.f_bfree).saturating_mul(block),
        inodes: now.f_files.saturating_sub(now.f_ffree),
    }
}

fn limits(size: u64, used: Amount) -> Amount {
    let bytes = size.max(used.bytes.saturating_add(LEAST_BYTES));
    Amount { bytes, inodes: (bytes / BYTES_PER_INODE).max(used.inodes.saturating_add(LEAST_INODES)) }
}

fn apply(limits: Amount) -> rustix::io::Result<()> {
    let root = fspick(CWD, "/", FsPickFlags::FSPICK_CLOEXEC)?;
    fsconfig_set_string(&root, "size", limits.bytes.to_string())?;
    fsconfig_set_string(&root, "nr_inodes", limits.inodes.to_string())?;
    fsconfig_reconfigure(&root)
}

/// Read a size as tmpfs writes it: digits, then nothing, `k`, `m`, `g`, `t`, or `%` of the memory.
/// Nothing is none, too: to tmpfs it would mean no limit.
fn size(text: &str, memory: u64) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().ok()?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" => Some(number),
        "k" => number.checked_mul(1 << 10),
        "m" => number.checked_mul(1 << 20),
        "g" => number.checked_mul(1 << 30),
        "t" => number.checked_mul(1 << 40),
        "%" if number <= 100 => Some(u64::try_from(u128::from(memory) * u128::from(number) / 100).ok()?),
        _ => None,
    };
    bytes.filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_size_is_bytes_or_a_part_of_the_memory() {
        let memory = 512 * MIB;
        for (text, bytes) in [
            ("25%", 128 * MIB),
            ("100%", memory),
            ("1", 1),
            ("64m", 64 * MIB),
            ("64M", 64 * MIB),
            ("1g", 1 << 30),
            ("1T", 1 << 40),
            ("8k", 8 << 10),
        ] {
            assert_eq!(size(text, memory), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_or_no_limit_is_refused() {
        for text in [
            "",
            "0",
            "0%",
            "0m",
            "101%",
            "m",
            "%",
            "-1",
            "+1",
            "1 m",
            "1mm",
            "1.5g",
            "1e3",
            "999999999999t",
            "18446744073709551616",
            "ü",
            "1ü",
        ] {
            assert_eq!(size(text, 512 * MIB), None, "{text}");
        }
    }

    #[test]
    fn what_is_there_always_fits() {
        let used = Amount { bytes: 200 * MIB, inodes: 50_000 };
        assert_eq!(limits(64 * MIB, used), Amount { bytes: 216 * MIB, inodes: 54_096 });
        let used = Amount { bytes: 4 * MIB, inodes: 800 };
        assert_eq!(limits(128 * MIB, used), Amount { bytes: 128 * MIB, inodes: 8192 });
    }
}
