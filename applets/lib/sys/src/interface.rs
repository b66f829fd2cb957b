//! A network interface's flags, for a caller that needs no more than that.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsRawFd;

/// Set the interface up. `name` has at most 15 bytes.
pub fn up(name: &CStr) -> io::Result<()> {
    let (flags, kind) = (rustix::net::SocketFlags::CLOEXEC, rustix::net::SocketType::DGRAM);
    let socket = rustix::net::socket_with(rustix::net::AddressFamily::INET, kind, flags, None)?;
    let bytes = name.to_bytes_with_nul();
    // SAFETY: ifreq is plain data, for which all zeroes is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if bytes.len() > request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = (*from).cast_signed() as libc::c_char;
    }
    // SAFETY: the descriptor is open and the request is a whole ifreq with a terminated name.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: SIOCGIFFLAGS has filled the flags.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    // SAFETY: as above; the flags are filled.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
