//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

use spdy::{Event, HELD_LIMIT};

use super::http::Head;
use super::transport::Transport;
use super::upgrade::{Work, choose};
use super::websocket::WebSocket;

/// The head of a visit, and the protocol that it gets.
pub fn head(bytes: &[u8]) {
    let Some(head) = Head::end(bytes).and_then(|end| Head::parse(&bytes[..end])) else { return };
    for work in [Work::Process, Work::Forward] {
        if let Ok(choice) = choose(&head, work) {
            assert!(choice.answer.starts_with("HTTP/1.1 101 ") && choice.answer.ends_with("\r\n\r\n"), "{:?}", choice.answer);
            // A visitor must not write lines of its own into the answer.
            assert_eq!(choice.answer.matches("\r\n\r\n").count(), 1, "{:?}", choice.answer);
        }
    }
}

/// The frames of a WebSocket. The first byte says which form, and how the rest is cut; the result must not depend on the latter.
pub fn websocket(bytes: &[u8]) {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let heard = |piece: usize| {
        let mut socket = WebSocket::new(form & 1 != 0, form & 2 != 0);
        let mut events = Vec::new();
        let good = bytes.chunks(piece).all(|piece| socket.receive(piece, &mut events).is_ok());
        let given: usize = events.iter().map(|event| if let Event::Data(_, bytes) = event { bytes.len() } else { 0 }).sum();
        assert!(given <= HELD_LIMIT || socket.is_full(), "{given} bytes are held and it is not full");
        let output = socket.take_output().len();
        assert!(output <= 2 * bytes.len() + 64, "{output} bytes are the answer to {}", bytes.len());
        (events, good)
    };
    let whole = heard(bytes.len().max(1));
    let parts = heard(usize::from(form >> 2) + 1);
    assert!(whole == parts, "what is heard depends on how it is cut: {whole:?} and {parts:?}");
}
