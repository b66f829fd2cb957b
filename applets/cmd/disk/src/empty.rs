//! The one question before anything is written: whether a device is empty. It is when its first and
//! its last MiB are zeroes and nothing uses it; a device that can't be read is not.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes at either end that must be zeroes: every partition table, file system and volume manager
/// has its mark there.
const END: u64 = 1 << 20;

/// True when both ends of a device of so many bytes are zeroes.
pub fn is_empty(device: &File, bytes: u64) -> io::Result<bool> {
    let end = END.min(bytes);
    let mut piece = vec![0; usize::try_from(end).unwrap_or_default()];
    for at in [0, bytes - end] {
        device.read_exact_at(&mut piece, at)?;
        if piece.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn one_byte_at_either_end_is_enough() {
        let path = std::env::temp_dir().join(format!("disk-empty-{}", std::process::id()));
        for (bytes, at, empty) in [
            (8 << 20, None, true),
            (8 << 20, Some(0), false),
            (8 << 20, Some(END - 1), false),
            (8 << 20, Some((8 << 20) - 1), false),
            (8 << 20, Some(7 << 20), false),
            // In the middle nobody looks.
            (8 << 20, Some(4 << 20), true),
            (4096, None, true),
            (4096, Some(4095), false),
            (0, None, true),
        ] {
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
            file.set_len(bytes).unwrap();
            if let Some(at) = at {
                file.write_all_at(&[1], at).unwrap();
            }
            assert_eq!(is_empty(&file, bytes).unwrap(), empty, "{bytes} {at:?}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
