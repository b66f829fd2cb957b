//! Kernels and boot images, which come from the network and from disks.

use format::{fdt, fit, fv, pe, zboot};

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

/// The kernel inside lies inside the file.
pub fn zboot(bytes: &[u8]) {
    if let Some(inner) = zboot::parse(bytes) {
        assert!(inner.packed.len() <= bytes.len() && inner.name.len() <= 32);
    }
}

/// A tree can be written again and is the same then; what an image holds lies inside.
pub fn fit(bytes: &[u8]) {
    let Ok(tree) = fdt::parse(bytes) else { return };
    let again = fdt::write(&tree).unwrap_or_default();
    assert_eq!(fdt::parse(&again).as_ref(), Ok(&tree), "the tree changed");
    if let Ok(parts) = fit::parts(&tree) {
        assert!(parts.kernel.len() + parts.ramdisk.map_or(0, <[u8]>::len) <= 2 * bytes.len());
    }
}

/// Files and sections lie inside; a file that is taken out leaves the others as they were.
pub fn volume(bytes: &[u8]) {
    for section in fv::sections(bytes).unwrap_or_default() {
        assert!(bytes.get(section.content).is_some(), "a section lies outside");
    }
    let Ok(files) = fv::files(bytes) else { return };
    for file in &files {
        let content = bytes.get(file.content.clone()).unwrap_or_default();
        assert_eq!(content.len(), file.content.len(), "a file lies outside");
        for section in fv::sections(content).unwrap_or_default() {
            assert!(content.get(section.content).is_some(), "a section lies outside");
        }
    }
    let Some(first) = files.first() else { return };
    let mut without = bytes.to_vec();
    if fv::replace(&mut without, &first.name, None).is_ok() {
        assert_eq!(fv::files(&without).as_deref(), Ok(&files[1..]), "other files changed");
    }
}
