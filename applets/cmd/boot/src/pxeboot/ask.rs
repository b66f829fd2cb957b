//! Asking DHCP and ProxyDHCP servers what to boot, without taking an address from any.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use format::dhcp::{Packet, Type, option};
use format::pxe::{self, Arch};
use format::udp4;
use kit::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
/// The longest packet that is taken, in bytes.
const LONGEST: usize = 1500;
/// The first wait for an answer, and the longest; it doubles each time.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));
/// Timeout of other servers once one has answered: one says what to boot, another may only give
/// addresses.
const OTHERS_TIMEOUT: Duration = Duration::from_secs(1);
/// This machine's architecture.
const ARCH: Arch = if cfg!(target_arch = "x86_64") { Arch::X86_64 } else { Arch::Aarch64 };

/// A network card.
pub struct Card {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its hardware address.
    pub hardware: [u8; 6],
}

/// The URL of the file to boot, as a server names it.
pub fn boot_url(card: &Card, wait: Duration) -> Result<String> {
    let doing = || format!("{}: ask for what to boot", card.name);
    let ear = sys::packet::open_udp(card.index, CLIENT_PORT).doing(doing())?;
    let (end, mut pause) = (Instant::now() + wait, PAUSE.0);
    let mut answered = false;
    while Instant::now() < end {
        let mut number = [0; 4];
        rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::INSECURE).doing("get random bytes")?;
        let packet = discover(card, u32::from_ne_bytes(number));
        let from = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT);
        let bytes = udp4::write(from, SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT), &packet.to_bytes());
        sys::packet::send(ear.as_fd(), card.index, [0xff; 6], &bytes).doing(doing())?;
        let mut until = (Instant::now() + pause).min(end);
        pause = (pause * 2).min(PAUSE.1);
        while let Some(offer) = hear(&ear, until, &packet).doing(doing())? {
            if let Some(url) = url(&offer) {
                return Ok(url);
            }
            if !answered {
                until = until.min(Instant::now() + OTHERS_TIMEOUT);
            }
            answered = true;
        }
    }
    let what = if answered { "no server names a file to boot" } else { "no server answers" };
    Err(Error::new(format!("{}: {what} within {} s", card.name, wait.as_secs())))
}

fn discover(card: &Card, number: u32) -> Packet {
    let mut packet = Packet::of_client(Type::Discover, number, card.hardware);
    pxe::introduce(&mut packet, ARCH, uuid().and_then(|text| uuid_bytes(&text)));
    // Those whose answers are for an address that we do not have are heard anyway; this is for servers that ask first.
    packet.broadcast = true;
    let wanted = [option::MASK, option::ROUTERS, option::VENDOR, option::VENDOR_CLASS, option::BOOT_SERVER, option::BOOT_FILE];
    packet.options.insert(option::WANTED, wanted.to_vec());
    packet.options.insert(option::MAX_SIZE, (LONGEST as u16).to_be_bytes().to_vec());
    packet
}

/// The next answer to the packet.
fn hear(ear: &OwnedFd, until: Instant, asked: &Packet) -> std::io::Result<Option<Packet>> {
    let mut buffer = [0; LONGEST];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let time = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(ear.as_fd(), PollFlags::IN)], Some(&time)) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        }
        let (len, _) = rustix::net::recv(ear, &mut buffer[..], rustix::net::RecvFlags::empty())?;
        let data = buffer.get(..len).and_then(|bytes| udp4::read(bytes, CLIENT_PORT));
        let packet = data.and_then(|(_, data)| Packet::parse(data).ok());
        let ours = |packet: &Packet| {
            packet.reply
                && packet.exchange == asked.exchange
                && packet.hardware == asked.hardware
                && packet.kind() == Some(Type::Offer)
        };
        if let Some(packet) = packet.filter(ours) {
            return Ok(Some(packet));
        }
    }
}

/// Returns the URL of an offer: its own, or that of a file on the boot server.
fn url(offer: &Packet) -> Option<String> {
    let file = offer.text(option::BOOT_FILE).or_else(|| Some(offer.file.clone()).filter(|file| !file.is_empty()))?;
    let clean = file.chars().all(|c| c.is_ascii_graphic());
    if file.contains("://") {
        return Some(file).filter(|_| clean);
    }
    let next = Some(offer.next_server).filter(|address| !address.is_unspecified()).map(|address| address.to_string());
    let named = || offer.text(option::BOOT_SERVER).or_else(|| Some(offer.server_name.clone()).filter(|name| !name.is_empty()));
    let server = next.or_else(named).or_else(|| Some(offer.address(option::SERVER)?.to_string()))?;
    let file = file.trim_start_matches('/');
    (clean && server.chars().all(|c| c.is_ascii_graphic() && c != '/')).then(|| format!("tftp://{server}/{file}"))
}

/// The machine's UUID as SMBIOS has it.
pub fn uuid() -> Option<String> {
    let text = std::fs::read_to_string("/sys/class/dmi/id/product_uuid").ok()?;
    Some(text.trim().to_ascii_lowercase()).filter(|text| text.len() == 36)
}

/// The bytes in the order that PXE sends them: the first three parts the other way around.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<char> = text.chars().filter(|c| *c != '-').collect();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok()?;
    }
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_names_a_place() {
        let mut offer = Packet::of_client(Type::Offer, 1, [0; 6]);
        assert_eq!(url(&offer), None);
        offer.file = "/x86_64/boot.ipxe".into();
        assert_eq!(url(&offer), None, "there is no server");
        offer.options.insert(option::SERVER, vec![10, 0, 0, 1]);
        assert_eq!(url(&offer).as_deref(), Some("tftp://10.0.0.1/x86_64/boot.ipxe"));
        offer.next_server = Ipv4Addr::new(10, 0, 0, 2);
        assert_eq!(url(&offer).as_deref(), Some("tftp://10.0.0.2/x86_64/boot.ipxe"));
        offer.options.insert(option::BOOT_FILE, b"http://h/f".to_vec());
        assert_eq!(url(&offer).as_deref(), Some("http://h/f"));
        offer.options.insert(option::BOOT_FILE, b"http://h/f g".to_vec());
        assert_eq!(url(&offer), None);
    }

    #[test]
    fn a_uuid_goes_there_and_comes_back() {
        let text = "04030201-0605-0807-090a-0b0c0d0e0f10";
        let card = Card { name: "x".into(), index: 1, hardware: [2, 0, 0, 0, 0, 1] };
        let mut packet = discover(&card, 1);
        pxe::introduce(&mut packet, ARCH, uuid_bytes(text));
        let client = pxe::client(&packet);
        assert_eq!(client.and_then(|client| client.uuid).as_deref(), Some(text));
        assert_eq!(uuid_bytes("zz"), None);
    }
}
