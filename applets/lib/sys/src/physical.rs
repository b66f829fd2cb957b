//! Physical memory and registers of devices, by /dev/mem. Each access has exactly the width that was
//! asked for: a register may answer to no other.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Pages of the mapping are of this size or a divisor of it: 64 KiB is the largest that arm64 has.
const WINDOW: u64 = 0x1_0000;

/// Width of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
    /// 64 bits.
    Double,
}

impl Width {
    /// Bytes of an access.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Double => 8,
        }
    }
}

/// Mapping of the window that an address lies in, gone with the value.
struct Window(*mut libc::c_void);

impl Window {
    fn open(memory: &File, address: u64, protection: i32) -> io::Result<Self> {
        let start = (address & !(WINDOW - 1)).cast_signed();
        let (null, length) = (std::ptr::null_mut(), WINDOW as usize);
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let at = unsafe { libc::mmap(null, length, protection, libc::MAP_SHARED, memory.as_raw_fd(), start) };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(at)) }
    }

    /// Place of the address, which is aligned to its width and so lies in the window with all bytes.
    fn place<T>(&self, address: u64) -> *mut T {
        self.0.wrapping_byte_add((address & (WINDOW - 1)) as usize).cast()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.0, WINDOW as usize) };
    }
}

fn aligned(address: u64, width: Width) -> io::Result<()> {
    if address.is_multiple_of(width.bytes()) { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Reads at a physical address, which must be a multiple of the width.
pub fn read(memory: &File, address: u64, width: Width) -> io::Result<u64> {
    aligned(address, width)?;
    let window = Window::open(memory, address, libc::PROT_READ)?;
    Ok(match width {
        // SAFETY: the place is mapped and aligned; a read by the device's own rules is what was asked for.
        Width::Byte => u64::from(unsafe { window.place::<u8>(address).read_volatile() }),
        // SAFETY: as above.
        Width::Half => u64::from(unsafe { window.place::<u16>(address).read_volatile() }),
        // SAFETY: as above.
        Width::Word => u64::from(unsafe { window.place::<u32>(address).read_volatile() }),
        // SAFETY: as above.
        Width::Double => unsafe { window.place::<u64>(address).read_volatile() },
    })
}

/// Writes at a physical address, which must be a multiple of the width. Bits beyond it are cut.
pub fn write(memory: &File, address: u64, width: Width, value: u64) -> io::Result<()> {
    aligned(address, width)?;
    let window = Window::open(memory, address, libc::PROT_READ | libc::PROT_WRITE)?;
    match width {
        // SAFETY: the place is mapped for writing and aligned; no memory of ours is there.
        Width::Byte => unsafe { window.place::<u8>(address).write_volatile(value as u8) },
        // SAFETY: as above.
        Width::Half => unsafe { window.place::<u16>(address).write_volatile(value as u16) },
        // SAFETY: as above.
        Width::Word => unsafe { window.place::<u32>(address).write_volatile(value as u32) },
        // SAFETY: as above.
        Width::Double => unsafe { window.place::<u64>(address).write_volatile(value) },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn each_width_reads_what_it_wrote() {
        let memory = File::from(rustix::fs::memfd_create(c"memory", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        memory.set_len(2 * WINDOW).unwrap();
        for (width, kept) in [(Width::Byte, 0xef), (Width::Half, 0xcdef), (Width::Word, 0x89ab_cdef)] {
            write(&memory, WINDOW + 8, width, 0x0123_4567_89ab_cdef).unwrap();
            assert_eq!(read(&memory, WINDOW + 8, width).unwrap(), kept);
        }
        assert!(read(&memory, 1, Width::Half).is_err() && write(&memory, 4, Width::Double, 0).is_err());
        assert_eq!(read(&memory, WINDOW + 8, Width::Double).unwrap(), 0x89ab_cdef);
    }
}
