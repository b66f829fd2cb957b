//! Input from plugins and network servers: configurations and answers of CNI, packets of DHCP and
//! DNS.
#![expect(clippy::panic, reason = "a panic is how a target tells")]

use std::net::{Ipv4Addr, SocketAddrV4};

use cni::{Answer, Network, VERSIONS};
use format::{arp, dbus, dhcp, dns, elf, ndp, ntp, udp4};
use serde_json::Value;

/// A network's configuration.
pub fn cni_network(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
    let Ok(network) = Network::from_json(value) else { return };
    assert!(!network.plugins.is_empty() && VERSIONS.contains(&network.version.as_str()));
    let harmless = |name: &str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    assert!(harmless(&network.name), "{:?} would be part of a path", network.name);
}

/// A plugin's answer: what is read can be written in each version, and is the same when it is read again.
pub fn cni_answer(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
    let Ok(answer) = Answer::from_json(&value) else { return };
    for version in VERSIONS {
        let text = answer.to_json(version).unwrap_or_else(|e| panic!("{version}: {e}"));
        let again = Answer::from_json(&text).unwrap_or_else(|e| panic!("{version}: {e}: {text}"));
        assert_eq!(again.ips, answer.ips);
    }
    assert!(answer.addresses_on("eth0").len() <= answer.ips.len() && answer.pod_addresses().len() <= answer.ips.len());
}

/// A packet of DHCP: what is understood can be written, and means the same.
pub fn dhcp_packet(input: &[u8]) {
    let Ok(packet) = dhcp::Packet::parse(input) else { return };
    for number in 0..=255 {
        let _ =
            (packet.address(number), packet.addresses(number), packet.number(number), packet.short(number), packet.text(number));
    }
    assert!(packet.prefix().is_none_or(|prefix| prefix <= 32));
    assert!(packet.routes().iter().all(|route| route.prefix <= 32));
    let _ = packet.search();
    let again = dhcp::Packet::parse(&packet.to_bytes()).unwrap_or_else(|e| panic!("what is written can't be read: {e}"));
    assert_eq!((again.kind(), again.exchange, again.yours), (packet.kind(), packet.exchange, packet.yours));
}

/// Messages of D-Bus one after another, as PID 1 reads them: each length is bounded, a call names what it calls, and an answer to it is a
/// message again.
pub fn dbus_message(mut input: &[u8]) {
    while let Ok(Some(length)) = dbus::length(input) {
        assert!((dbus::HEAD..=dbus::LONGEST).contains(&length));
        let Some((message, rest)) = input.split_at_checked(length) else { return };
        if let Ok(Some(call)) = dbus::Call::parse(message) {
            assert!(call.serial != 0 && !call.path.is_empty() && !call.member.is_empty());
            assert!(call.texts.len() <= call.signature.len() && call.texts.iter().all(|text| !text.contains('\0')));
            for answer in [call.answer(1, &[dbus::Value::Number(7)], 0), call.refuse(2, "a.B", &call.member)] {
                assert_eq!(dbus::length(&answer), Ok(Some(answer.len())));
                assert_eq!(dbus::Call::parse(&answer), Ok(None));
            }
        }
        input = rest;
    }
}

/// An answer of DNS; its number is that of the question.
pub fn dns_answer(input: &[u8]) {
    let id = input.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    let _ = dns::answer(input, id);
}

/// A time server's answer; its number is that of the question. What is believed lies within forty years after the floor.
pub fn ntp_answer(input: &[u8]) {
    const FLOOR: i64 = 1_767_225_600;
    const NANOS: i128 = 1_000_000_000;
    let number = input.get(24..32).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes);
    let Ok(answer) = ntp::answer(input, number, FLOOR) else { return };
    let (first, last) = (i128::from(FLOOR) * NANOS, i128::from(FLOOR + 1_300_000_000) * NANOS);
    assert!(answer.received >= first && answer.sent >= answer.received && answer.sent < last);
    assert!((1..16).contains(&answer.stratum) && (0..2 * NANOS).contains(&answer.distance));
}

/// A datagram in an IP packet; what we write, we read.
pub fn udp_packet(input: &[u8]) {
    let _ = udp4::read(input, 68);
    let (from, to) = (SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 67), SocketAddrV4::new(Ipv4Addr::BROADCAST, 68));
    if input.len() < 1400 {
        let packet = udp4::write(from, to, input);
        assert_eq!(udp4::read(&packet, 68), Some((from, input)));
    }
}

/// A neighbour's packet, of ARP or IPv6's; what we read of ARP, we write as it was.
pub fn neighbour(input: &[u8]) {
    let _ = ndp::advertised(input);
    if let Some(packet) = arp::Packet::parse(input) {
        assert_eq!(packet.to_bytes(), input[..arp::LENGTH]);
        let _ = packet.claims(Ipv4Addr::new(10, 0, 0, 100), [2, 0, 0, 0, 0, 7]);
    }
}

/// A section of an ELF file lies in the file.
pub fn elf_section(input: &[u8]) {
    assert!(elf::section(input, ".kutties.applets").is_none_or(|section| section.len() <= input.len()));
}
