#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

fn packet() -> Packet {
    let mut packet = Packet::of_client(Type::Ack, 0x0102_0304, [2, 0, 0, 0, 0, 1]);
    packet.reply = true;
    packet.yours = Ipv4Addr::new(10, 0, 0, 5);
    packet
}

#[test]
fn what_is_written_is_read() {
    let mut packet = packet();
    packet.options.insert(option::DNS, vec![1, 1, 1, 1, 8, 8, 8, 8]);
    packet.options.insert(option::MASK, vec![255, 255, 240, 0]);
    packet.options.insert(option::LEASE, vec![0, 0, 14, 16]);
    packet.options.insert(200, vec![7; 600]);
    let bytes = packet.to_bytes();
    assert_eq!(Packet::parse(&bytes).unwrap(), packet);
    assert_eq!((packet.kind(), packet.prefix(), packet.number(option::LEASE)), (Some(Type::Ack), Some(20), Some(3600)));
    assert_eq!(packet.addresses(option::DNS).len(), 2);
    assert!(Packet::of_client(Type::Discover, 1, [0; 6]).to_bytes().len() >= LEAST);
}

#[test]
fn cut_at_any_place_it_does_not_break() {
    let mut packet = packet();
    packet.options.insert(option::ROUTES, vec![24, 10, 1, 2, 10, 0, 0, 1]);
    let bytes = packet.to_bytes();
    for end in 0..bytes.len() {
        let _ = Packet::parse(&bytes[..end]);
    }
    assert_eq!(Packet::parse(&bytes[..239]), Err(Wrong::Short));
    assert_eq!(Packet::parse(&[0; 300]), Err(Wrong::Magic));
    let mut long = bytes[..FIXED].to_vec();
    long.extend([53, 200, 1]);
    assert_eq!(Packet::parse(&long), Err(Wrong::Option));
}

#[test]
fn options_in_other_fields() {
    let mut bytes = packet().to_bytes();
    bytes.truncate(FIXED);
    bytes.extend([option::OVERLOAD, 1, 3, option::END]);
    bytes[FILE.start..FILE.start + 6].copy_from_slice(&[option::HOST_NAME, 3, b'a', b'b', b'c', option::END]);
    bytes[SNAME.start..SNAME.start + 5].copy_from_slice(&[option::MTU, 2, 5, 120, option::END]);
    let read = Packet::parse(&bytes).unwrap();
    assert_eq!((read.text(option::HOST_NAME).as_deref(), read.short(option::MTU)), (Some("abc"), Some(1400)));
    assert!(read.file.is_empty() && read.server_name.is_empty());
}

#[test]
fn routes_with_prefixes() {
    let routes = read_routes(&[0, 10, 0, 0, 1, 24, 192, 168, 7, 0, 0, 0, 0, 12, 172, 31, 10, 0, 0, 2]).unwrap();
    assert_eq!(routes[0], Route { network: [0; 4].into(), prefix: 0, gateway: [10, 0, 0, 1].into() });
    assert_eq!((routes[1].network, routes[1].gateway), ([192, 168, 7, 0].into(), [0; 4].into()));
    assert_eq!(routes[2].network, Ipv4Addr::new(172, 16, 0, 0));
    for wrong in [&[33, 1, 2, 3, 4, 5, 6, 7, 8][..], &[24, 1, 2], &[8, 10, 1, 2, 3]] {
        assert_eq!(read_routes(wrong), None);
    }
}

#[test]
fn search_lists() {
    let list = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
    assert_eq!(read_search(list).unwrap(), ["eng.apple.com", "marketing.apple.com"]);
    for wrong in [&b"\xc0\x00"[..], b"\x01a\xc0\x00\x00\xc0", b"\x05ab", b"\x01\n\x00", b"\x40", b"\x01a\xc0\x02"] {
        assert_eq!(read_search(wrong), None, "{wrong:?}");
    }
}

#[test]
fn masks_and_texts() {
    let mut packet = packet();
    packet.options.insert(option::MASK, vec![255, 0, 255, 0]);
    packet.options.insert(option::HOST_NAME, b"a\nb".to_vec());
    packet.options.insert(option::DNS, vec![1, 2, 3]);
    assert_eq!((packet.prefix(), packet.text(option::HOST_NAME)), (None, None));
    assert!(packet.addresses(option::DNS).is_empty());
}
