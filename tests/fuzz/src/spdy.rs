//! SPDY/3.1: one side of a connection, and a user of it that takes what comes and answers.

use spdy::{Event, HELD_LIMIT, OUTPUT_LIMIT, Role, STREAM_LIMIT, Session, Status};

/// No event takes more than its bytes and a few more.
const SLACK: usize = 128 * 1024;

/// The first byte says how the rest is cut; the result must not depend on it.
pub fn session(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = heard(bytes, bytes.len().max(1));
    let parts = heard(bytes, usize::from(*cut) + 1);
    assert!(whole == parts, "what is heard depends on how it is cut: {whole:?} and {parts:?}");
    answered(bytes, usize::from(*cut) + 1);
}

/// Runs a session over bytes in pieces of that length, data put together.
fn heard(bytes: &[u8], piece: usize) -> (Vec<Event>, bool) {
    let mut session = Session::new(Role::Server);
    let mut events = Vec::new();
    let good = bytes.chunks(piece).all(|piece| session.receive(piece, &mut events).is_ok());
    (joined(events), good)
}

fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        match (all.last_mut(), event) {
            (Some(Event::Data(stream, bytes)), Event::Data(same, more)) if *stream == same => bytes.extend(more),
            (_, event) => all.push(event),
        }
    }
    all
}

/// A user that accepts, answers, uses up and closes, as events come.
fn answered(bytes: &[u8], piece: usize) {
    let mut session = Session::new(Role::Server);
    let mut given = 0;
    for (turn, piece) in bytes.chunks(piece).enumerate() {
        let mut events = Vec::new();
        let result = session.receive(piece, &mut events);
        for event in events {
            match event {
                Event::Opened(stream, headers) => {
                    if headers.len() % 3 == 2 {
                        session.reset(stream, Status::Refused);
                    } else {
                        session.reply(stream);
                    }
                }
                Event::Data(stream, bytes) => {
                    given += bytes.len();
                    // Some of it is never used up.
                    if turn % 4 != 3 {
                        session.used(stream, bytes.len());
                        given -= bytes.len();
                    }
                    if let Ok(taken) = session.send(stream, &bytes) {
                        assert!(taken <= bytes.len());
                    }
                }
                Event::Finished(stream) => session.finish(stream),
                Event::Reset(stream, _) => {
                    assert!(session.send(stream, b"x").is_err(), "stream {stream} is reset and takes bytes");
                }
                Event::Replied(..) | Event::Headers(..) | Event::GoAway(_) | Event::Pong(_) => {}
            }
        }
        assert!(given <= HELD_LIMIT || session.is_full(), "{given} bytes are held and it is not full");
        let output = session.take_output();
        assert!(output.len() <= 2 * OUTPUT_LIMIT + SLACK, "{} bytes wait", output.len());
        if result.is_err() {
            assert!(!output.is_empty(), "it ends without a last word");
            return;
        }
        session.assume_waiting();
    }
    session.go_away();
    assert!(session.take_output().len() <= STREAM_LIMIT * 32 + SLACK);
}
