//! Names of PCI's classes, for machines without a list of names: facts of the PCI Code and ID
//! Assignment Specification.

/// Class and subclass with their names, sorted.
const CLASSES: &[(u16, &str)] = &[
    (0x0000, "Non-VGA unclassified device"),
    (0x0001, "VGA compatible unclassified device"),
    (0x0100, "SCSI storage controller"),
    (0x0101, "IDE interface"),
    (0x0104, "RAID bus controller"),
    (0x0105, "ATA controller"),
    (0x0106, "SATA controller"),
    (0x0107, "Serial Attached SCSI controller"),
    (0x0108, "Non-Volatile memory controller"),
    (0x0180, "Mass storage controller"),
    (0x0200, "Ethernet controller"),
    (0x0207, "Infiniband controller"),
    (0x0280, "Network controller"),
    (0x0300, "VGA compatible controller"),
    (0x0302, "3D controller"),
    (0x0380, "Display controller"),
    (0x0400, "Multimedia video controller"),
    (0x0401, "Multimedia audio controller"),
    (0x0403, "Audio device"),
    (0x0500, "RAM memory"),
    (0x0580, "Memory controller"),
    (0x0600, "Host bridge"),
    (0x0601, "ISA bridge"),
    (0x0604, "PCI bridge"),
    (0x0680, "Bridge"),
    (0x0700, "Serial controller"),
    (0x0780, "Communication controller"),
    (0x0800, "PIC"),
    (0x0801, "DMA controller"),
    (0x0805, "SD Host controller"),
    (0x0806, "IOMMU"),
    (0x0880, "System peripheral"),
    (0x0c03, "USB controller"),
    (0x0c05, "SMBus"),
    (0x0d11, "Bluetooth"),
    (0x1080, "Encryption controller"),
    (0x1180, "Signal processing controller"),
    (0x1200, "Processing accelerators"),
    (0xff00, "Unassigned class"),
];

/// Name of a class with its subclass.
pub fn name(class: u16) -> Option<&'static str> {
    let at = CLASSES.binary_search_by_key(&class, |(number, _)| *number).ok()?;
    CLASSES.get(at).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::CLASSES.is_sorted());
        assert_eq!(super::name(0x0600), Some("Host bridge"));
        assert_eq!(super::name(0x0699), None);
    }
}
