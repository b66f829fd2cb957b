//! The initramfs as Linux asks for it: a device path that only it knows, with the protocol that copies a file into memory.
//! After the kernel's Documentation/arch/x86/boot.rst and drivers/firmware/efi/libstub: the vendor media GUID and `LoadFile2`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::slice;

use uefi::{Guid, Status, boot, guid};

use crate::parts::told;

/// `LINUX_EFI_INITRD_MEDIA_GUID`
const MEDIA: Guid = guid!("5568e427-68fc-4f3d-ac74-ca555231cc68");
const DEVICE_PATH: Guid = guid!("09576e91-6d3f-11d2-8e39-00a0c969723b");
const LOAD_FILE_2: Guid = guid!("4006c0c1-fcb3-403e-996d-4a6c8724e06d");
/// Segments begin at a multiple of it: the kernel's rule.
const ALIGN: usize = 4;

/// A vendor media node and the end of the path, as they lie in memory.
#[repr(C, packed)]
struct Path {
    vendor: [u8; 4],
    guid: Guid,
    end: [u8; 4],
}

/// `EFI_LOAD_FILE2_PROTOCOL` and, behind it, what is ours.
#[repr(C)]
struct Loader {
    load_file: unsafe extern "efiapi" fn(*mut Loader, *const c_void, bool, *mut usize, *mut c_void) -> Status,
    segments: Vec<&'static [u8]>,
}

/// Let the kernel find the segments, as one file.
pub fn offer(segments: Vec<&'static [u8]>) -> Result<(), String> {
    let path = Box::leak(Box::new(Path { vendor: [4, 3, 20, 0], guid: MEDIA, end: [0x7f, 0xff, 4, 0] }));
    let loader = Box::leak(Box::new(Loader { load_file, segments }));
    let path: *const Path = path;
    // SAFETY: the path is well formed and never freed.
    let handle = unsafe { boot::install_protocol_interface(None, &DEVICE_PATH, path.cast()) };
    let handle = handle.map_err(|e| told("offer the initramfs", &e))?;
    let loader: *const Loader = loader;
    // SAFETY: the protocol begins with its one function, and is never freed.
    let installed = unsafe { boot::install_protocol_interface(Some(handle), &LOAD_FILE_2, loader.cast()) };
    installed.map(drop).map_err(|e| told("offer the initramfs", &e))
}

/// Copy the segments into the kernel's buffer, or say how large it must be.
unsafe extern "efiapi" fn load_file(
    this: *mut Loader,
    _path: *const c_void,
    boot_policy: bool,
    size: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if boot_policy {
        return Status::UNSUPPORTED;
    }
    // SAFETY: whoever calls gives the protocol that it found, which is ours.
    let Some(loader) = (unsafe { this.as_ref() }) else { return Status::INVALID_PARAMETER };
    // SAFETY: the protocol demands a place for the size.
    let Some(size) = (unsafe { size.as_mut() }) else { return Status::INVALID_PARAMETER };
    let needed: usize = loader.segments.iter().map(|segment| segment.len().next_multiple_of(ALIGN)).sum();
    let room = core::mem::replace(size, needed);
    if needed == 0 {
        return Status::NOT_FOUND;
    }
    if buffer.is_null() || room < needed {
        return Status::BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller's buffer has at least that room.
    let mut out = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), needed) };
    for segment in &loader.segments {
        let (into, rest) = out.split_at_mut(segment.len().next_multiple_of(ALIGN));
        let (bytes, padding) = into.split_at_mut(segment.len());
        bytes.copy_from_slice(segment);
        padding.fill(0);
        out = rest;
    }
    Status::SUCCESS
}

const _: () = assert!(size_of::<Path>() == 24);
