//! Kernels and boot images, which come from the network and from disks.

use format::{pe, zboot};

/// Sections lie in the file, and adding one keeps the others where they were.
pub fn pe(bytes: &[u8]) {
    let Ok(sections) = pe::sections(bytes) else { return };
    for section in &sections {
        let content = section.of_file(bytes);
        assert!(content.is_none_or(|content| content.len() <= bytes.len()));
    }
    // The firmware would hold tables of any size.
    if let Ok(more) = pe::with_sections(bytes, &[(".more", b"more")]) {
        let after = pe::sections(&more).unwrap_or_default();
        assert_eq!(after.len(), sections.len() + 1, "a section was lost");
        assert_eq!(after.last().and_then(|section| section.of_file(&more)), Some(b"more".as_slice()));
    }
}

/// What is inside lies inside.
pub fn zboot(bytes: &[u8]) {
    if let Some(inner) = zboot::parse(bytes) {
        assert!(inner.packed.len() <= bytes.len() && inner.name.len() <= 32);
    }
}
