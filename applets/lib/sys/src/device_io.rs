//! Small controls of devices that have no other interface: clocks, watchdogs, I2C buses, flash and
//! physical memory (linux/rtc.h, linux/watchdog.h, linux/i2c-dev.h, mtd/mtd-abi.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

fn done(status: i32) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `RTC_RD_TIME`, `_IOR('p', 9, struct rtc_time)`, whose nine fields are each 32 bits.
const CLOCK_READ: u32 = 0x8024_7009;
/// `RTC_SET_TIME`
const CLOCK_SET: u32 = 0x4024_700a;

/// Time of a battery clock in the order of `struct rtc_time`: second, minute, hour, day, month from
/// 0, years since 1900. The last three, of which the kernel makes no use, are 0.
pub fn read_clock(device: &File) -> io::Result<[i32; 9]> {
    let mut time = [0; 9];
    // SAFETY: RTC_RD_TIME writes nine numbers of 32 bits, which is what `time` holds.
    done(unsafe { libc::ioctl(device.as_raw_fd(), CLOCK_READ as _, &raw mut time) })?;
    Ok(time)
}

/// Sets a battery clock; the fields are those of [`read_clock`].
pub fn set_clock(device: &File, time: &[i32; 9]) -> io::Result<()> {
    // SAFETY: RTC_SET_TIME reads nine numbers of 32 bits, which is what `time` holds.
    done(unsafe { libc::ioctl(device.as_raw_fd(), CLOCK_SET as _, std::ptr::from_ref(time)) })
}

/// `WDIOC_SETTIMEOUT`, `_IOWR('W', 6, int)`.
const WATCHDOG_TIMEOUT: u32 = 0xc004_5706;
/// `WDIOC_SETOPTIONS`, `_IOR('W', 4, int)`.
const WATCHDOG_OPTIONS: u32 = 0x8004_5704;
/// `WDIOS_ENABLECARD`
const WATCHDOG_ENABLE: i32 = 2;

/// Sets the seconds after which a watchdog resets the machine; returns those that it took.
pub fn set_watchdog(device: &File, seconds: i32) -> io::Result<i32> {
    let mut seconds = seconds;
    // SAFETY: WDIOC_SETTIMEOUT reads and writes one int, which outlives the call.
    done(unsafe { libc::ioctl(device.as_raw_fd(), WATCHDOG_TIMEOUT as _, &raw mut seconds) })?;
    Ok(seconds)
}

/// Starts a watchdog that does not run by being opened.
pub fn enable_watchdog(device: &File) -> io::Result<()> {
    let option = WATCHDOG_ENABLE;
    // SAFETY: WDIOC_SETOPTIONS reads one int, which outlives the call.
    done(unsafe { libc::ioctl(device.as_raw_fd(), WATCHDOG_OPTIONS as _, &raw const option) })
}

const I2C_SLAVE: u32 = 0x0703;
const I2C_SLAVE_FORCE: u32 = 0x0706;
const I2C_FUNCS: u32 = 0x0705;
const I2C_SMBUS: u32 = 0x0720;

/// One transfer on an I2C bus by the protocol of SMBus: its size is `I2C_SMBUS_QUICK` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// Address alone, with the bit that says write.
    Quick,
    /// One byte without a register.
    Byte,
    /// One byte of a register.
    ByteData,
    /// Two bytes of a register, the low one first.
    WordData,
}

#[repr(C)]
struct SmbusCall {
    read: u8,
    command: u8,
    size: u32,
    data: *mut [u8; 34],
}

/// Functions of a bus: bits of `I2C_FUNC_*`.
pub fn bus_functions(bus: &File) -> io::Result<u64> {
    let mut functions: libc::c_ulong = 0;
    // SAFETY: I2C_FUNCS writes one unsigned long, which outlives the call.
    done(unsafe { libc::ioctl(bus.as_raw_fd(), I2C_FUNCS as _, &raw mut functions) })?;
    Ok(functions)
}

/// Chooses the device that transfers go to. With `force` also one that a driver holds.
pub fn choose_address(bus: &File, address: u16, force: bool) -> io::Result<()> {
    let request = if force { I2C_SLAVE_FORCE } else { I2C_SLAVE };
    // SAFETY: I2C_SLAVE takes the address as its argument and no pointer.
    done(unsafe { libc::ioctl(bus.as_raw_fd(), request as _, libc::c_ulong::from(address)) })
}

/// Reads from the chosen device. `Quick` has no value and gives 0.
pub fn bus_read(bus: &File, command: u8, transfer: Transfer) -> io::Result<u16> {
    let mut data = [0; 34];
    smbus(bus, 1, command, transfer, &mut data)?;
    Ok(match transfer {
        Transfer::Quick => 0,
        Transfer::Byte | Transfer::ByteData => u16::from(data[0]),
        // The kernel holds a word in its own byte order.
        Transfer::WordData => u16::from_ne_bytes([data[0], data[1]]),
    })
}

/// Writes to the chosen device. Of `Byte` the command is what is written.
pub fn bus_write(bus: &File, command: u8, value: u16, transfer: Transfer) -> io::Result<()> {
    let mut data = [0; 34];
    if transfer == Transfer::WordData {
        data[..2].copy_from_slice(&value.to_ne_bytes());
    } else {
        data[0] = value.to_le_bytes()[0];
    }
    smbus(bus, 0, command, transfer, &mut data)
}

fn smbus(bus: &File, read: u8, command: u8, transfer: Transfer, data: &mut [u8; 34]) -> io::Result<()> {
    let size = match transfer {
        Transfer::Quick => 0,
        Transfer::Byte => 1,
        Transfer::ByteData => 2,
        Transfer::WordData => 3,
    };
    let mut call = SmbusCall { read, command, size, data: std::ptr::from_mut(data) };
    // SAFETY: I2C_SMBUS reads the call and reads or writes at most its 34 bytes of data; both outlive it.
    done(unsafe { libc::ioctl(bus.as_raw_fd(), I2C_SMBUS as _, &raw mut call) })
}

/// `MEMGETINFO`, `_IOR('M', 1, struct mtd_info_user)`, which has 32 bytes.
const FLASH_INFO: u32 = 0x8020_4d01;
/// `MEMERASE`, `_IOW('M', 2, struct erase_info_user)`.
const FLASH_ERASE: u32 = 0x4008_4d02;
const FLASH_LOCK: u32 = 0x4008_4d05;
const FLASH_UNLOCK: u32 = 0x4008_4d06;
/// `MEMGETBADBLOCK`, `_IOW('M', 11, __kernel_loff_t)`.
const FLASH_BAD: u32 = 0x4008_4d0b;

#[repr(C)]
#[derive(Default)]
struct FlashInfo {
    kind: u8,
    flags: u32,
    size: u32,
    erase_size: u32,
    write_size: u32,
    oob_size: u32,
    padding: u64,
}

/// Form of a flash device.
#[derive(Debug, Clone, Copy)]
pub struct Flash {
    /// `MTD_NORFLASH` (3), `MTD_NANDFLASH` (4), ...
    pub kind: u8,
    /// Bytes in all.
    pub size: u32,
    /// Bytes that are erased at once.
    pub erase_size: u32,
    /// Bytes that are written at once.
    pub write_size: u32,
}

/// Form of the flash device.
pub fn flash(device: &File) -> io::Result<Flash> {
    let mut info = FlashInfo::default();
    // SAFETY: MEMGETINFO writes one `struct mtd_info_user`, which `info` is laid out as.
    done(unsafe { libc::ioctl(device.as_raw_fd(), FLASH_INFO as _, &raw mut info) })?;
    let FlashInfo { kind, size, erase_size, write_size, .. } = info;
    Ok(Flash { kind, size, erase_size, write_size })
}

/// Work on a part of a flash device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashWork {
    /// All bits become 1.
    Erase,
    /// It can't be written any more.
    Lock,
    /// It can be written again.
    Unlock,
}

/// Does that work on `length` bytes from `start`, both multiples of the erase size.
pub fn flash_work(device: &File, work: FlashWork, start: u32, length: u32) -> io::Result<()> {
    let request = match work {
        FlashWork::Erase => FLASH_ERASE,
        FlashWork::Lock => FLASH_LOCK,
        FlashWork::Unlock => FLASH_UNLOCK,
    };
    let range = [start, length];
    // SAFETY: the three requests read one `struct erase_info_user`, two numbers of 32 bits.
    done(unsafe { libc::ioctl(device.as_raw_fd(), request as _, &raw const range) })
}

/// Tells if the block of a NAND device is marked as bad. Other devices know no bad blocks.
pub fn is_bad_block(device: &File, start: u32) -> bool {
    let start = i64::from(start);
    // SAFETY: MEMGETBADBLOCK reads one loff_t, which outlives the call.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), FLASH_BAD as _, &raw const start) };
    answer > 0
}
