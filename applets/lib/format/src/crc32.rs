//! Two checksums of 32 bits, both reflected: IEEE 802.3's, of GPT, gzip and many others, and Castagnoli's, of ext4 and iSCSI.

/// IEEE 802.3's sum of all bytes.
pub fn of(bytes: &[u8]) -> u32 {
    !go_on(&IEEE, !0, bytes)
}

/// Castagnoli's sum, going on from another one; neither is inverted. The first one begins with all ones.
pub fn castagnoli(sum: u32, bytes: &[u8]) -> u32 {
    go_on(&CASTAGNOLI, sum, bytes)
}

fn go_on(table: &[u32; 256], sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| table[usize::from((sum ^ u32::from(*byte)) as u8)] ^ (sum >> 8))
}

static IEEE: [u32; 256] = table(0xedb8_8320);
static CASTAGNOLI: [u32; 256] = table(0x82f6_3b78);

const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { polynomial ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value() {
        assert_eq!(super::of(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::of(b""), 0);
        assert_eq!(!super::castagnoli(!0, b"123456789"), 0xe306_9283);
        let part = super::castagnoli(!0, b"1234");
        assert_eq!(!super::castagnoli(part, b"56789"), 0xe306_9283);
    }
}
