//! Raw packets on one network interface: IPv4 in and out before the interface has an address, and what asks for and announces addresses.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// IPv4's number in Ethernet frames.
const IPV4: u16 = 0x0800;

/// A socket that hears IPv4 packets to one UDP port on one interface, and can send to any hardware address there.
pub fn open_udp(interface: u32, port: u16) -> io::Result<OwnedFd> {
    let socket = deaf()?;
    attach(&socket, &mut only_udp(port))?;
    listen(&socket, interface, IPV4)?;
    Ok(socket)
}

/// A socket that hears all packets of one kind, a number of Ethernet's, that come in on one interface, and can send such.
pub fn open(interface: u32, kind: u16) -> io::Result<OwnedFd> {
    let socket = deaf()?;
    listen(&socket, interface, kind)?;
    Ok(socket)
}

/// A socket of protocol 0: it hears nothing before it is bound, and a filter can be put in place.
fn deaf() -> io::Result<OwnedFd> {
    // SAFETY: socket(2) takes plain numbers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn listen(socket: &OwnedFd, interface: u32, kind: u16) -> io::Result<()> {
    let address = address(interface, kind, [0; 6]);
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the pointer leads to a whole sockaddr_ll, and `len` is its size.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    if bound == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Send a packet (from its IPv4 header on) to a hardware address on the interface.
pub fn send(socket: BorrowedFd<'_>, interface: u32, to: [u8; 6], packet: &[u8]) -> io::Result<()> {
    send_as(socket, interface, IPV4, to, packet)
}

/// Send a packet of another kind, all that comes behind Ethernet's header.
pub fn send_as(socket: BorrowedFd<'_>, interface: u32, kind: u16, to: [u8; 6], packet: &[u8]) -> io::Result<()> {
    let address = address(interface, kind, to);
    let len = size_of_val(&address) as libc::socklen_t;
    let (data, size) = (packet.as_ptr().cast(), packet.len());
    // SAFETY: data and size are one slice's, the address is a whole sockaddr_ll of size `len`.
    let sent = unsafe { libc::sendto(socket.as_raw_fd(), data, size, 0, (&raw const address).cast(), len) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn address(interface: u32, kind: u16, to: [u8; 6]) -> libc::sockaddr_ll {
    let [a, b, c, d, e, f] = to;
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: kind.to_be(),
        sll_ifindex: interface.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [a, b, c, d, e, f, 0, 0],
    }
}

/// A filter program (classic BPF) that passes whole UDP packets to `port`.
fn only_udp(port: u16) -> [libc::sock_filter; 9] {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_AT_X: u16 = 0x48;
    const X_IS_HEADER_LEN: u16 = 0xb1;
    const IF_EQUAL: u16 = 0x15;
    const IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    [
        step(LOAD_BYTE, 0, 0, 9),
        step(IF_EQUAL, 0, 5, 17),
        step(LOAD_HALF, 0, 0, 6),
        step(IF_ANY_BIT, 3, 0, 0x1fff),
        step(X_IS_HEADER_LEN, 0, 0, 0),
        step(LOAD_HALF_AT_X, 0, 0, 2),
        // Equal: over the next step, which drops it, to the last one, which passes all bytes.
        step(IF_EQUAL, 1, 0, port.into()),
        step(RETURN, 0, 0, 0),
        step(RETURN, 0, 0, u32::MAX),
    ]
}

fn attach(socket: &OwnedFd, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let len = size_of_val(&filter) as libc::socklen_t;
    let value = (&raw const filter).cast();
    // SAFETY: the program and its description outlive the call, which copies them.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
