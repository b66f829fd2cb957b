//! Kernels that unpack themselves under UEFI: `vmlinuz.efi` of arm64 and others. After the kernel's
//! drivers/firmware/efi/libstub/zboot-header.S.

/// Position of the format's mark.
const MARK_AT: usize = 4;
const MARK: &[u8] = b"zimg";
/// Positions of the packed kernel's offset, and of its length.
const OFFSET_AT: usize = 8;
const LEN_AT: usize = 12;
/// The name of the compression, with a zero behind it.
const NAME_AT: usize = 24;
const NAME_LEN: usize = 32;

/// Content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zboot<'a> {
    /// The packed kernel.
    pub packed: &'a [u8],
    /// The compression: `gzip`, `zstd`, `xzkern` and so on.
    pub name: &'a str,
}

/// The packed kernel in a file; none if it is no such file or a damaged one.
pub fn parse(file: &[u8]) -> Option<Zboot<'_>> {
    (file.starts_with(b"MZ") && file.get(MARK_AT..MARK_AT + MARK.len()) == Some(MARK)).then_some(())?;
    let word = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?) as usize);
    let packed = file.get(word(OFFSET_AT)?..)?.get(..word(LEN_AT)?)?;
    let name = file.get(NAME_AT..NAME_AT + NAME_LEN)?.split(|byte| *byte == 0).next()?;
    Some(Zboot { packed, name: core::str::from_utf8(name).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_packed_kernel_and_no_more() {
        let mut file = vec![0; 64];
        file[..8].copy_from_slice(b"MZ\0\0zimg");
        file[8..12].copy_from_slice(&64_u32.to_le_bytes());
        file[12..16].copy_from_slice(&3_u32.to_le_bytes());
        file[24..28].copy_from_slice(b"gzip");
        file.extend(b"abcrest");
        assert_eq!(parse(&file), Some(Zboot { packed: b"abc", name: "gzip" }));
        for len in 0..67 {
            assert_eq!(parse(&file[..len]), None, "{len} bytes");
        }
        assert!(parse(&file[..67]).is_some());
        file[12..16].fill(0xff);
        assert_eq!(parse(&file), None);
    }
}
