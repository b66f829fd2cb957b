//! The firmware's SMBIOS table.

/// No text is longer than the table, and none is empty.
pub fn table(input: &[u8]) {
    for text in format::smbios::oem_strings(input) {
        assert!(!text.is_empty() && text.len() < input.len());
    }
}
