//! Loop devices: a block device over a file (linux/loop.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The device goes away with its last user.
pub const AUTOCLEAR: u32 = 4;
/// Nothing can be written through it.
pub const READ_ONLY: u32 = 1;
/// Look for partitions on it.
pub const PARTITIONS: u32 = 8;

const SET_FD: u32 = 0x4C00;
const CLR_FD: u32 = 0x4C01;
const SET_STATUS64: u32 = 0x4C04;
const SET_CAPACITY: u32 = 0x4C07;
const CONFIGURE: u32 = 0x4C0A;
const GET_FREE: u32 = 0x4C82;

/// `struct loop_info64`
#[repr(C)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config`
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

/// Part of the file that a device shows, and its flags.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting<'a> {
    /// Bytes of the file before the device's first.
    pub offset: u64,
    /// Bytes that the device shows; 0 is all.
    pub size_limit: u64,
    /// Bytes a sector; 0 is 512.
    pub block_size: u32,
    /// [`READ_ONLY`], [`AUTOCLEAR`], [`PARTITIONS`].
    pub flags: u32,
    /// A name to show, cut at 63 bytes.
    pub name: &'a [u8],
}

/// The number of a free device, made when all are in use. `control` is /dev/loop-control.
pub fn free(control: &File) -> io::Result<u32> {
    // SAFETY: LOOP_CTL_GET_FREE takes no argument.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE as _) };
    u32::try_from(number).map_err(|_| io::Error::last_os_error())
}

/// Put `file` behind `device`. Another user of the device is an error of kind `ResourceBusy`: take the next free one.
pub fn attach(device: &File, file: &File, setting: &Setting) -> io::Result<()> {
    let config =
        Config { fd: file.as_raw_fd().cast_unsigned(), block_size: setting.block_size, info: info(setting), reserved: [0; 8] };
    // SAFETY: LOOP_CONFIGURE reads one `struct loop_config`, which outlives the call.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE as _, &raw const config) };
    match io::Error::last_os_error() {
        _ if done == 0 => Ok(()),
        e if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => attach_in_steps(device, file, &config.info),
        e => Err(e),
    }
}

/// Before Linux 5.8 there is no `LOOP_CONFIGURE`.
fn attach_in_steps(device: &File, file: &File, info: &Info) -> io::Result<()> {
    // SAFETY: LOOP_SET_FD takes a descriptor, which is open for the whole call.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), SET_FD as _, file.as_raw_fd()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: LOOP_SET_STATUS64 reads one `struct loop_info64`, which outlives the call.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), SET_STATUS64 as _, std::ptr::from_ref(info)) };
    if done != 0 {
        let error = io::Error::last_os_error();
        // The device must not stay half set up; the first error is the one to tell.
        let _ = detach(device);
        return Err(error);
    }
    Ok(())
}

fn info(setting: &Setting) -> Info {
    let mut file_name = [0; 64];
    let shown = setting.name.get(..63).unwrap_or(setting.name);
    file_name[..shown.len()].copy_from_slice(shown);
    Info {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: setting.offset,
        size_limit: setting.size_limit,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: setting.flags,
        file_name,
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    }
}

/// Take the file away from a device; while somebody uses it that happens at the last close.
pub fn detach(device: &File) -> io::Result<()> {
    // SAFETY: LOOP_CLR_FD takes no argument.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), CLR_FD as _, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Look at the file's size again.
pub fn resize(device: &File) -> io::Result<()> {
    // SAFETY: LOOP_SET_CAPACITY takes no argument.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), SET_CAPACITY as _, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
