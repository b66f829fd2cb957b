#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use crate::headers::Block;

/// Carry what one has to say to the other, and return what that makes of it.
fn carry(from: &mut Session, to: &mut Session) -> Vec<Event> {
    let mut events = Vec::new();
    to.receive(&from.take_output(), &mut events).unwrap();
    events
}

fn pair() -> (Session, Session) {
    (Session::new(Role::Client), Session::new(Role::Server))
}

fn named(name: &str) -> Headers {
    vec![("streamtype".into(), name.into())]
}

fn opened(client: &mut Session, server: &mut Session) -> u32 {
    let stream = client.open(named("data"));
    assert!(
        matches!(carry(client, server).as_slice(), [Event::Opened(s, h)] if *s == stream && h.value("streamtype") == Some("data"))
    );
    server.reply(stream);
    assert_eq!(carry(server, client), [Event::Replied(stream, Headers::new())]);
    stream
}

/// Say `frame` as a peer would whose session does not allow it.
fn raw(frames: &[Frame]) -> Vec<u8> {
    let (mut packer, mut bytes) = (Packer::default(), Vec::new());
    for frame in frames {
        frame::write(frame, &mut packer, &mut bytes);
    }
    bytes
}

fn answer(session: &mut Session) -> String {
    let mut decoder = Decoder::default();
    let output = session.take_output();
    let (mut input, mut said) = (output.as_slice(), Vec::new());
    while let Some(frame) = decoder.next(&mut input).unwrap() {
        said.push(format!("{frame:?}"));
    }
    said.join("; ")
}

#[test]
fn each_half_closes_by_itself_and_then_the_stream_is_forgotten() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    assert_eq!(client.send(stream, b"in"), Ok(2));
    client.finish(stream);
    assert_eq!(client.send(stream, b"more"), Err(Closed));
    assert_eq!(carry(&mut client, &mut server), [Event::Data(stream, b"in".into()), Event::Finished(stream)]);
    assert_eq!(server.send(stream, b"out"), Ok(3));
    server.finish(stream);
    assert_eq!(carry(&mut server, &mut client), [Event::Data(stream, b"out".into()), Event::Finished(stream)]);
    assert!(client.streams.is_empty() && server.streams.is_empty());
    assert_eq!(server.send(stream, b"x"), Err(Closed));
}

#[test]
fn a_reset_ends_both_halves() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    server.reset(stream, Status::Cancel);
    assert_eq!(carry(&mut server, &mut client), [Event::Reset(stream, 5)]);
    assert_eq!(client.send(stream, b"x"), Err(Closed));
    // A frame that was under way is no offence.
    server.receive(&raw(&[Frame::Data { stream, fin: false, bytes: b"late" }]), &mut Vec::new()).unwrap();
    assert!(!server.has_output());
}

#[test]
fn a_silent_peer_is_sent_more_than_a_window_and_hears_of_no_room() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    let chunk = vec![1; 32 * 1024];
    let mut sent = 0;
    while sent < 4 << 20 {
        sent += server.send(stream, &chunk).unwrap();
        server.take_output();
    }
    let mut events = Vec::new();
    // Pieces that fit the window exactly, again and again.
    for _ in 0..2 {
        let frame = Frame::Data { stream, fin: false, bytes: &chunk };
        server.receive(&raw(&[frame]), &mut events).unwrap();
        for event in events.drain(..) {
            let Event::Data(stream, bytes) = event else { continue };
            server.used(stream, bytes.len());
        }
    }
    assert_eq!((server.has_output(), server.held), (false, 0));
    // It may have stopped at the window's very end, as one would that keeps to it.
    assert!(server.may_be_waiting());
    server.receive(&raw(&[Frame::Data { stream, fin: false, bytes: b"x" }]), &mut events).unwrap();
    server.used(stream, 1);
    assert_eq!((server.may_be_waiting(), server.has_output()), (false, false));
}

#[test]
fn a_silent_peer_that_waits_at_the_end_of_a_window_is_told_of_room() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    let bytes = vec![1; 64 * 1024];
    for _ in 0..3 {
        server.receive(&raw(&[Frame::Data { stream, fin: false, bytes: &bytes }]), &mut Vec::new()).unwrap();
        assert!(!server.may_be_waiting());
        server.used(stream, bytes.len());
        assert!(server.may_be_waiting());
        server.assume_waiting();
        assert!(!server.may_be_waiting());
        let said = answer(&mut server);
        assert!(said.contains("stream: 0, delta: 65536") && said.contains("stream: 1, delta: 65536"), "{said}");
    }
}

#[test]
fn windows_of_a_peer_that_speaks_of_them_hold_and_never_dead_lock() {
    let (mut client, mut server) = pair();
    // A client that says that it has windows, and keeps to ours.
    client.manners.speaks = true;
    server.receive(&raw(&[Frame::Settings(vec![(INITIAL_WINDOW, 32 * 1024)])]), &mut Vec::new()).unwrap();
    let stream = opened(&mut client, &mut server);
    let (mut up, mut down) = (0, 0);
    let bytes = vec![2; 100_000];
    while up < 5 << 20 || down < 5 << 20 {
        let before = (up, down);
        client.send(stream, &bytes).unwrap();
        for event in carry(&mut client, &mut server) {
            let Event::Data(stream, bytes) = event else { continue };
            assert!(bytes.len() <= 64 * 1024);
            server.used(stream, bytes.len());
            up += bytes.len();
        }
        let sent = server.send(stream, &bytes).unwrap();
        assert!(sent <= 64 * 1024);
        for event in carry(&mut server, &mut client) {
            let Event::Data(stream, bytes) = event else { continue };
            client.used(stream, bytes.len());
            down += bytes.len();
        }
        assert_ne!(before, (up, down), "both wait for the other");
    }
    assert_eq!((client.manners.overruns, server.manners.overruns), (false, false));
}

#[test]
fn a_window_stops_one_stream_and_not_the_other() {
    let mut server = Session::new(Role::Server);
    let syn = |stream| Frame::SynStream { stream, fin: false, unidirectional: false, headers: named("x") };
    let room = Frame::WindowUpdate { stream: 0, delta: 1 << 20 };
    server.receive(&raw(&[room, syn(1), syn(3)]), &mut Vec::new()).unwrap();
    let bytes = vec![0; 200_000];
    assert_eq!((server.send(1, &bytes), server.send(3, &bytes)), (Ok(64 * 1024), Ok(64 * 1024)));
    server.take_output();
    server.receive(&raw(&[Frame::WindowUpdate { stream: 3, delta: 10 }]), &mut Vec::new()).unwrap();
    assert_eq!((server.send(1, &bytes), server.send(3, &bytes)), (Ok(0), Ok(10)));
}

#[test]
fn what_is_held_and_what_waits_is_bounded() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    let bytes = vec![3; 64 * 1024];
    let mut events = Vec::new();
    while !server.is_full() {
        server.receive(&raw(&[Frame::Data { stream, fin: false, bytes: &bytes }]), &mut events).unwrap();
    }
    assert!(events.len() <= HELD_LIMIT / bytes.len() + 1);
    server.used(stream, bytes.len());
    assert!(!server.is_full());
    let mut taken = 0;
    while let Ok(n @ 1..) = server.send(stream, &bytes) {
        taken += n;
    }
    assert!(taken <= OUTPUT_LIMIT);
    // A peer that asks for answers and does not read them.
    while !server.is_full() {
        server.receive(&raw(&[Frame::Ping(1)]), &mut events).unwrap();
    }
    assert!(server.take_output().len() < 3 * OUTPUT_LIMIT);
}

#[test]
fn many_small_pieces_count_for_what_they_take() {
    let (mut client, mut server) = pair();
    let stream = opened(&mut client, &mut server);
    let frames = vec![Frame::Data { stream, fin: false, bytes: b"x" }; 20_000];
    server.receive(&raw(&frames), &mut Vec::new()).unwrap();
    assert!(server.is_full());
}

#[test]
fn pings_are_answered_and_own_ones_heard() {
    let (mut client, mut server) = pair();
    client.ping(4);
    assert!(carry(&mut client, &mut server).is_empty());
    assert_eq!(carry(&mut server, &mut client), [Event::Pong(4)]);
    server.ping(5);
    assert!(carry(&mut server, &mut client).is_empty());
    assert_eq!(carry(&mut client, &mut server), [Event::Pong(5)]);
}

#[test]
fn after_goodbye_streams_are_refused() {
    let (mut client, mut server) = pair();
    server.go_away();
    assert_eq!(carry(&mut server, &mut client), [Event::GoAway(0)]);
    let stream = client.open(named("late"));
    assert!(carry(&mut client, &mut server).is_empty());
    assert_eq!(carry(&mut server, &mut client), [Event::Reset(stream, 3)]);
}

#[test]
fn broken_rules_end_the_stream_or_the_connection() {
    let syn = |stream| Frame::SynStream { stream, fin: false, unidirectional: false, headers: Headers::new() };
    for frames in [vec![syn(2)], vec![syn(3), syn(1)], vec![syn(1), syn(1)], vec![Frame::WindowUpdate { stream: 0, delta: 0 }]] {
        let mut server = Session::new(Role::Server);
        assert!(server.receive(&raw(&frames), &mut Vec::new()).is_err(), "{frames:?}");
        assert!(answer(&mut server).contains("GoAway"), "{frames:?}");
    }
    let mut server = Session::new(Role::Server);
    let (big, settings) =
        (Frame::WindowUpdate { stream: 1, delta: 0x7fff_ffff }, Frame::Settings(vec![(INITIAL_WINDOW, u32::MAX)]));
    let mut events = Vec::new();
    server.receive(&raw(&[syn(1), big]), &mut events).unwrap();
    assert_eq!(events.last(), Some(&Event::Reset(1, Status::FlowControl as u32)));
    assert!(answer(&mut server).contains("status: 7"));
    server.receive(&raw(&[Frame::Data { stream: 99, fin: false, bytes: b"?" }]), &mut events).unwrap();
    assert!(answer(&mut server).contains("Rst { stream: 99, status: 2 }"));
    assert!(server.receive(&raw(&[settings]), &mut events).is_err());
}

#[test]
fn streams_are_counted() {
    let (mut client, mut server) = pair();
    for _ in 0..=STREAM_LIMIT {
        client.open(Headers::new());
    }
    let events = carry(&mut client, &mut server);
    assert_eq!(events.len(), STREAM_LIMIT);
    assert!(answer(&mut server).contains("status: 3"));
}
