//! The parts in flash: firmware volumes beside the firmware's own, at addresses that the builder has written into this program.

use alloc::string::String;
use alloc::vec::Vec;
use core::slice;

use format::fv;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::FrameDecoderError;

/// The section that says where volumes lie: for each its address and its length, eight bytes each, the lowest first.
pub const SECTION: &[u8] = b".flash";

/// Content of the volumes.
pub struct Flash {
    /// The kernel.
    pub kernel: &'static [u8],
    /// Its command line.
    pub cmdline: &'static [u8],
    /// Archives, in order.
    pub segments: Vec<&'static [u8]>,
}

/// Read the volumes that the section leads to.
pub fn read(section: &[u8]) -> Result<Flash, String> {
    let (mut kernel, mut cmdline, mut segments) = (Vec::new(), Vec::new(), Vec::new());
    for pair in section.chunks_exact(16) {
        let [address, len] =
            [&pair[..8], &pair[8..]].map(|bytes| bytes.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte)));
        #[cfg(target_arch = "aarch64")]
        map::map(address as u64, len as u64)?;
        // SAFETY: the builder knows the machine's map; flash stays as it is, and an address of 0 has no volume of ours.
        let place: &'static [u8] = unsafe { slice::from_raw_parts(address as *const u8, len) };
        let all = |name: &fv::Guid| fv::raw(place, name).map_err(|e| alloc::format!("read the flash at {address:#x}: {e}"));
        kernel.extend(all(&fv::KERNEL)?);
        cmdline.extend(all(&fv::CMDLINE)?);
        segments.extend(all(&fv::INITRD)?);
    }
    let kernel = kernel.first().copied().ok_or("the flash has no kernel")?;
    Ok(Flash { kernel: unpacked(kernel)?, cmdline: cmdline.first().copied().unwrap_or_default(), segments })
}

/// Magic number of a zstd file.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// No kernel has more.
const MOST: u64 = 1 << 30;

/// The kernel as the firmware starts it: those that don't unpack themselves are packed in flash.
fn unpacked(kernel: &'static [u8]) -> Result<&'static [u8], String> {
    if !kernel.starts_with(ZSTD) {
        return Ok(kernel);
    }
    let told = |e: FrameDecoderError| alloc::format!("unpack the kernel: {e}");
    let mut decoder = FrameDecoder::new();
    decoder.init(kernel).map_err(told)?;
    let len = decoder.content_size();
    if len > MOST {
        return Err(alloc::format!("unpack the kernel: it has {len} bytes"));
    }
    let mut bytes = Vec::with_capacity(len as usize);
    decoder.decode_all_to_vec(kernel, &mut bytes).map_err(told)?;
    Ok(bytes.leak())
}

/// On arm64 the firmware maps no more of the flash than its own part.
#[cfg(target_arch = "aarch64")]
mod map {
    use alloc::string::String;

    use uefi::table::cfg::ConfigTableEntry;
    use uefi::{Status, system};

    /// `EfiGcdMemoryTypeReserved`: nobody may give it to somebody else.
    const RESERVED: u32 = 1;
    /// `EFI_MEMORY_WB`: read like memory, at any alignment.
    const CACHED: u64 = 8;

    /// `EFI_DXE_SERVICES`, as far as it is used here.
    #[repr(C)]
    struct Services {
        header: [u64; 3],
        add: unsafe extern "efiapi" fn(u32, u64, u64, u64) -> Status,
        allocate: usize,
        free: usize,
        remove: usize,
        describe: usize,
        set_attributes: unsafe extern "efiapi" fn(u64, u64, u64) -> Status,
    }

    /// Let programs read these addresses.
    pub fn map(address: u64, len: u64) -> Result<(), String> {
        let guid = ConfigTableEntry::DXE_SERVICES_GUID;
        let found = system::with_config_table(|tables| tables.iter().find(|table| table.guid == guid).map(|table| table.address));
        let services: *const Services = found.ok_or("the firmware has no memory map to change")?.cast();
        // SAFETY: the firmware's table is there until the kernel takes over, and its layout is the specification's.
        let services = unsafe { services.as_ref() }.ok_or("the firmware's table is empty")?;
        // SAFETY: the call takes numbers alone. That the range is known already is no harm.
        let _ = unsafe { (services.add)(RESERVED, address, len, CACHED) };
        // SAFETY: as above.
        match unsafe { (services.set_attributes)(address, len, CACHED) } {
            Status::SUCCESS => Ok(()),
            status => Err(alloc::format!("map the flash: {status}")),
        }
    }
}
