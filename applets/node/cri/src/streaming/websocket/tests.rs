#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A client's frame.
fn packed(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![head];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0xff);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn received(socket: &mut WebSocket, bytes: &[u8]) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    socket.receive(bytes, &mut events).map(|()| events)
}

fn binary() -> WebSocket {
    WebSocket::new(false, true)
}

#[test]
fn messages_are_channels_however_they_are_cut() {
    let bytes =
        [packed(0x82, b"\0hello"), packed(0x02, b"\0a"), packed(0x89, b"?"), packed(0x80, b"bc"), packed(0x82, &[4, 9])].concat();
    let whole = [Event::Data(0, b"hello".into()), Event::Data(0, b"abc".into()), Event::Data(4, vec![9])];
    for at in 0..bytes.len() {
        let mut socket = binary();
        let mut events = received(&mut socket, &bytes[..at]).unwrap();
        events.extend(received(&mut socket, &bytes[at..]).unwrap());
        assert_eq!(events, whole, "cut at {at}");
        // The ping was answered.
        assert_eq!(socket.take_output(), [0x8a, 1, b'?']);
    }
}

#[test]
fn a_channel_closes_by_a_message_of_version_five_alone() {
    assert_eq!(received(&mut binary(), &packed(0x82, &[255, 0])).unwrap(), [Event::Finished(0)]);
    let mut four = WebSocket::new(false, false);
    assert_eq!(received(&mut four, &packed(0x82, &[255, 0])).unwrap(), [Event::Data(255, vec![0])]);
}

#[test]
fn base64_comes_and_goes_as_text() {
    let mut socket = WebSocket::new(true, false);
    assert_eq!(received(&mut socket, &packed(0x81, b"0aGVsbG8=")).unwrap(), [Event::Data(0, b"hello".into())]);
    assert_eq!(socket.send(1, b"hello"), Ok(5));
    assert_eq!(socket.take_output(), b"\x81\x091aGVsbG8=");
    assert!(received(&mut socket, &packed(0x81, b"0!!")).is_err());
    assert!(received(&mut WebSocket::new(true, false), &packed(0x81, b"xaGVs")).is_err());
}

#[test]
fn what_is_sent_is_bounded_and_whole() {
    let mut socket = binary();
    let bytes = vec![7; 2 * OUTPUT_LIMIT];
    let mut taken = 0;
    while let Ok(n @ 1..) = socket.send(2, &bytes) {
        taken += n;
    }
    assert!((OUTPUT_LIMIT..2 * OUTPUT_LIMIT).contains(&taken), "{taken}");
    let output = socket.take_output();
    assert_eq!(&output[..5], &[0x82, 126, 0x80, 1, 2]);
    assert_eq!(socket.send(1, b""), Ok(0));
    assert_eq!(socket.take_output(), [0x82, 1, 1]);
    socket.say_goodbye();
    assert_eq!((socket.take_output(), socket.send(1, b"x")), (vec![0x88, 2, 0x03, 0xe8], Err(Closed)));
}

#[test]
fn what_comes_is_bounded() {
    let mut socket = binary();
    let message = packed(0x82, &vec![0; 100_000]);
    let mut held = 0;
    while !socket.is_full() {
        held += received(&mut socket, &message).unwrap().len();
    }
    assert!(held <= HELD_LIMIT / 99_999 + 1);
    (0..held).for_each(|_| socket.used(0, 99_999));
    assert_eq!(socket.held, 0);
}

#[test]
fn broken_frames_end_the_connection_with_a_reason() {
    let unmasked = vec![0x82, 1, 0];
    let huge = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &MASK].concat();
    let many = [packed(0x02, &vec![0; 700_000]), packed(0x80, &vec![0; 700_000])].concat();
    let broken = [
        unmasked,
        huge,
        many,
        packed(0xc2, b"\0extension"),
        packed(0x83, b"kind"),
        packed(0x09, b"cut ping"),
        packed(0x89, &[0; 126]),
        packed(0x80, b"continues nothing"),
        [packed(0x02, b"\0"), packed(0x02, b"\0")].concat(),
        packed(0x82, b""),
    ];
    for bytes in broken {
        let mut socket = binary();
        assert!(received(&mut socket, &bytes).is_err(), "{:?}", &bytes[..bytes.len().min(20)]);
        assert_eq!(socket.take_output(), [0x88, 2, 0x03, 0xea]);
    }
}

#[test]
fn damage_is_an_error_or_another_message() {
    let bytes = [packed(0x82, b"\0hello"), packed(0x02, b"\0a"), packed(0x80, &[1; 200]), packed(0x88, &[3, 0xe8])].concat();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let _ = received(&mut binary(), &damaged);
        }
    }
}

#[test]
fn spdy_goes_through_the_tunnel() {
    let mut client = Session::new(spdy::Role::Client);
    let mut tunnel = Tunnel::new(Session::new(spdy::Role::Server));
    let stream = client.open(vec![("streamtype".into(), "data".into())]);
    client.send(stream, b"hello").unwrap();
    let mut events = Vec::new();
    // Messages and frames need not begin together.
    for piece in client.take_output().chunks(7) {
        tunnel.receive(&packed(0x82, piece), &mut events).unwrap();
    }
    let said = events.iter().filter_map(|event| if let Event::Data(1, bytes) = event { Some(bytes.as_slice()) } else { None });
    assert_eq!(said.collect::<Vec<_>>().concat(), b"hello");
    assert!(matches!(&events[0], Event::Opened(1, _)));
    tunnel.accept(stream);
    tunnel.send(stream, b"back").unwrap();
    let output = tunnel.take_output();
    let mut events = Vec::new();
    client.receive(&output[2..], &mut events).unwrap();
    assert!(matches!(&events[..], [Event::Replied(1, _), Event::Data(1, bytes)] if bytes == b"back"));
    tunnel.say_goodbye();
    assert!(tunnel.take_output().ends_with(&[0x88, 2, 0x03, 0xe8]));
}
