//! Choice of the protocol: the first one that the client offers and that its request can use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::{Head, switching};
use cri_api::Form;

/// Kind of a streaming request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Exec or attach.
    Process,
    /// Port-forward.
    Forward,
}

/// Transport that carries channels in a byte stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// SPDY/3.1 right behind the head.
    Spdy,
    /// SPDY/3.1 in a WebSocket's messages.
    SpdyInWebSocket,
    /// A WebSocket whose messages begin with the channel's number.
    WebSocket {
        /// In text messages, as base64.
        base64: bool,
        /// The client closes channels by a message on channel 255.
        closes: bool,
    },
}

/// The protocol that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Transport.
    pub carrier: Carrier,
    /// Form of the exit status.
    pub form: Form,
    /// Set if the client opens a channel for the terminal's size.
    pub resizes: bool,
    /// The answer's head.
    pub answer: String,
}

/// Refusal of an upgrade: the status, fields for the client, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of HTTP.
    pub status: &'static str,
    /// Fields that name what would be accepted.
    pub accepted: Vec<&'static str>,
    /// For a person.
    pub sentence: String,
}

/// A protocol: its name, how it is carried, whether its end is an object, whether it has a channel for sizes.
type Row = (&'static str, Carrier, Form, bool);

const BINARY: Carrier = Carrier::WebSocket { base64: false, closes: false };
const TEXT: Carrier = Carrier::WebSocket { base64: true, closes: false };
const CLOSING: Carrier = Carrier::WebSocket { base64: false, closes: true };

const SPDY_PROCESS: &[Row] = &[
    ("v4.channel.k8s.io", Carrier::Spdy, Form::Object, true),
    ("v3.channel.k8s.io", Carrier::Spdy, Form::Sentence, true),
    ("v2.channel.k8s.io", Carrier::Spdy, Form::Sentence, false),
    ("channel.k8s.io", Carrier::Spdy, Form::Sentence, false),
];
const SPDY_FORWARD: &[Row] = &[("portforward.k8s.io", Carrier::Spdy, Form::Sentence, false)];
const WEB_PROCESS: &[Row] = &[
    ("v5.channel.k8s.io", CLOSING, Form::Object, true),
    ("v4.channel.k8s.io", BINARY, Form::Object, true),
    ("v4.base64.channel.k8s.io", TEXT, Form::Object, true),
    ("channel.k8s.io", BINARY, Form::Sentence, true),
    ("base64.channel.k8s.io", TEXT, Form::Sentence, true),
    ("", BINARY, Form::Sentence, true),
];
const WEB_FORWARD: &[Row] = &[
    ("SPDY/3.1+portforward.k8s.io", Carrier::SpdyInWebSocket, Form::Sentence, false),
    ("v4.channel.k8s.io", BINARY, Form::Sentence, false),
    ("v4.base64.channel.k8s.io", TEXT, Form::Sentence, false),
    ("", BINARY, Form::Sentence, false),
];

/// Field in which SPDY clients name protocols.
const SPDY_FIELD: &str = "x-stream-protocol-version";
/// Field in which WebSocket clients do.
const WEB_FIELD: &str = "sec-websocket-protocol";

/// Choose.
pub fn choose(head: &Head, work: Work) -> Result<Choice, Refusal> {
    if head.says("connection", "upgrade") && head.says("upgrade", "websocket") {
        return web(head, if work == Work::Process { WEB_PROCESS } else { WEB_FORWARD });
    }
    if head.says("connection", "upgrade") && head.says("upgrade", "spdy/3.1") {
        return spdy(head, if work == Work::Process { SPDY_PROCESS } else { SPDY_FORWARD });
    }
    let sentence = "an upgrade to SPDY/3.1 or WebSocket is needed here".into();
    Err(Refusal { status: "400 Bad Request", accepted: Vec::new(), sentence })
}

fn spdy(head: &Head, rows: &[Row]) -> Result<Choice, Refusal> {
    let offered = head.list(SPDY_FIELD);
    // A client that names none is older than the names.
    let row = if offered.is_empty() { rows.last().copied() } else { first(&offered, rows) };
    let (name, carrier, form, resizes) = row.ok_or_else(|| refused(&offered, rows))?;
    let answer = switching("SPDY/3.1", &[("X-Stream-Protocol-Version", name)]);
    Ok(Choice { carrier, form, resizes, answer })
}

fn web(head: &Head, rows: &[Row]) -> Result<Choice, Refusal> {
    let bad = |sentence: &str| Refusal { status: "400 Bad Request", accepted: Vec::new(), sentence: sentence.into() };
    let key = *head.list("sec-websocket-key").first().ok_or_else(|| bad("a WebSocket's handshake needs a key"))?;
    if head.method != "GET" || head.list("sec-websocket-version") != ["13"] {
        return Err(bad("a WebSocket's handshake is a GET of version 13"));
    }
    let offered = head.list(WEB_FIELD);
    let row = if offered.is_empty() { rows.last().copied() } else { first(&offered, rows) };
    let (name, carrier, form, resizes) = row.ok_or_else(|| refused(&offered, rows))?;
    let accept = accept(key);
    let mut fields = vec![("Sec-WebSocket-Accept", accept.as_str())];
    if !name.is_empty() {
        fields.push(("Sec-WebSocket-Protocol", name));
    }
    Ok(Choice { carrier, form, resizes, answer: switching("websocket", &fields) })
}

/// The first offer that there is something for.
fn first(offered: &[&str], rows: &[Row]) -> Option<Row> {
    offered.iter().find_map(|name| rows.iter().find(|(known, ..)| known == name)).copied()
}

fn refused(offered: &[&str], rows: &[Row]) -> Refusal {
    let accepted: Vec<_> = rows.iter().map(|(name, ..)| *name).filter(|name| !name.is_empty()).collect();
    let sentence = format!("none of the protocols {} is known here, but {}", offered.join(", "), accepted.join(", "));
    Refusal { status: "403 Forbidden", accepted, sentence }
}

/// The proof that the handshake was understood (RFC 6455, section 4.2.2).
fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::fmt::Write;

    fn head(upgrade: &str, fields: &[(&str, &str)]) -> Head {
        let mut text = format!("GET /exec/x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n");
        for (name, value) in fields {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        text.push_str("\r\n");
        Head::parse(text.as_bytes()).unwrap()
    }

    fn spdy_with(names: &[&str], work: Work) -> Result<Choice, Refusal> {
        let fields: Vec<_> = names.iter().map(|name| ("X-Stream-Protocol-Version", *name)).collect();
        choose(&head("SPDY/3.1", &fields), work)
    }

    fn web_with(names: &str, work: Work) -> Result<Choice, Refusal> {
        let mut fields = vec![("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")];
        if !names.is_empty() {
            fields.push(("Sec-WebSocket-Protocol", names));
        }
        choose(&head("websocket", &fields), work)
    }

    #[test]
    fn the_first_offer_that_is_known_wins() {
        let choice = spdy_with(&["v9.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"], Work::Process).unwrap();
        assert_eq!((choice.carrier, choice.form, choice.resizes), (Carrier::Spdy, Form::Object, true));
        assert!(choice.answer.contains("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
        let choice = spdy_with(&["v2.channel.k8s.io", "v4.channel.k8s.io"], Work::Process).unwrap();
        assert_eq!((choice.form, choice.resizes), (Form::Sentence, false));
        assert!(spdy_with(&["portforward.k8s.io"], Work::Forward).is_ok());
        assert!(spdy_with(&[], Work::Process).unwrap().answer.contains(": channel.k8s.io\r\n"));
    }

    #[test]
    fn web_sockets_have_their_own_versions() {
        let choice = web_with("v5.channel.k8s.io, v4.channel.k8s.io", Work::Process).unwrap();
        assert_eq!(choice.carrier, Carrier::WebSocket { base64: false, closes: true });
        assert!(choice.answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{}", choice.answer);
        let choice = web_with("v4.base64.channel.k8s.io", Work::Process).unwrap();
        assert_eq!((choice.carrier, choice.form), (TEXT, Form::Object));
        let choice = web_with("", Work::Process).unwrap();
        assert_eq!((choice.carrier, choice.form, choice.answer.contains("-Protocol")), (BINARY, Form::Sentence, false));
        assert_eq!(web_with("SPDY/3.1+portforward.k8s.io", Work::Forward).unwrap().carrier, Carrier::SpdyInWebSocket);
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        let refusal = spdy_with(&["v9.channel.k8s.io"], Work::Process).unwrap_err();
        assert_eq!((refusal.status, refusal.accepted.len()), ("403 Forbidden", 4));
        assert!(web_with("v5.channel.k8s.io", Work::Forward).is_err());
        assert!(spdy_with(&["v5.channel.k8s.io"], Work::Process).is_err());
        assert_eq!(choose(&head("h2c", &[]), Work::Process).unwrap_err().status, "400 Bad Request");
        assert_eq!(choose(&head("websocket", &[]), Work::Process).unwrap_err().status, "400 Bad Request");
        let plain = Head::parse(b"GET /exec/x HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(choose(&plain, Work::Process).unwrap_err().status, "400 Bad Request");
    }
}
