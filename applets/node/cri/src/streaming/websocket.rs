//! WebSockets (RFC 6455) as clients of Kubernetes use them: each message begins with the number of a channel.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use spdy::{Closed, Event, HELD_LIMIT, OUTPUT_LIMIT, Session};

use super::transport::Transport;

/// The longest message that is taken, in bytes. Clients send 32 KiB and a few more at once.
const MESSAGE_LIMIT: usize = 1 << 20;
/// The longest message that we send.
const CHUNK: usize = 32 * 1024;
/// Counted for each message beside its bytes.
const PIECE: usize = 64;
/// The channel on which a client of version 5 says which channel it closes.
const CLOSE: u8 = 255;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const BYE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Cuts bytes into messages, and packs messages: the server's side.
#[derive(Debug, Default)]
pub struct Messages {
    held: Vec<u8>,
    message: Option<(u8, Vec<u8>)>,
    output: Vec<u8>,
    closed: bool,
}

impl Messages {
    /// Take what came from the network; `message` gets each whole message.
    pub fn receive(&mut self, bytes: &[u8], mut message: impl FnMut(u8, Vec<u8>)) -> Result<(), String> {
        self.held.extend_from_slice(bytes);
        let mut at = 0;
        let result = loop {
            match frame(&self.held[at..]) {
                Ok(Some((head, payload, length))) => {
                    at += length;
                    if let Err(e) = self.frame(head, &payload, &mut message) {
                        break Err(e);
                    }
                }
                Ok(None) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        self.held.drain(..at);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        result.inspect_err(|_| self.bye(1002)).map_err(|e| format!("read a WebSocket: {e}"))
    }

    fn frame(&mut self, head: u8, payload: &[u8], message: &mut impl FnMut(u8, Vec<u8>)) -> Result<(), String> {
        let (last, kind) = (head & 0x80 != 0, head & 0x0f);
        match kind {
            PING => self.say(PONG, payload),
            PONG => {}
            BYE => self.bye(1000),
            CONTINUATION | TEXT | BINARY => {
                if (kind == CONTINUATION) != self.message.is_some() {
                    return Err("a message is continued that was not begun, or begun twice".into());
                }
                let (_, begun) = self.message.get_or_insert_with(|| (kind, Vec::new()));
                if begun.len() + payload.len() > MESSAGE_LIMIT {
                    return Err(format!("a message is longer than {MESSAGE_LIMIT} bytes"));
                }
                begun.extend_from_slice(payload);
                if last && let Some((kind, whole)) = self.message.take() {
                    message(kind, whole);
                }
            }
            other => return Err(format!("a frame's type {other} is not known")),
        }
        Ok(())
    }

    /// Send a whole message. A server does not mask.
    pub fn say(&mut self, kind: u8, payload: &[u8]) {
        if self.closed {
            return;
        }
        self.output.push(0x80 | kind);
        match payload.len() {
            short @ 0..126 => self.output.push(short as u8),
            middle @ 126..=0xffff => {
                self.output.push(126);
                self.output.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                self.output.push(127);
                self.output.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        self.output.extend_from_slice(payload);
    }

    /// Close, with a reason; nothing is sent after that.
    pub fn bye(&mut self, why: u16) {
        self.say(BYE, &why.to_be_bytes());
        self.closed = true;
    }
}

/// The first frame: its first byte, its unmasked payload, its whole length. None when it needs more.
fn frame(bytes: &[u8]) -> Result<Option<(u8, Vec<u8>, usize)>, String> {
    let [head, second, rest @ ..] = bytes else { return Ok(None) };
    if head & 0x70 != 0 {
        return Err("a frame uses an extension that was not agreed on".into());
    }
    if second & 0x80 == 0 {
        return Err("a client's frame is not masked".into());
    }
    let short = second & 0x7f;
    if head & 0x08 != 0 && (short > 125 || head & 0x80 == 0) {
        return Err("a control frame is too long, or in parts".into());
    }
    let Some((length, rest)) = length(short, rest) else { return Ok(None) };
    if length > MESSAGE_LIMIT as u64 {
        return Err(format!("a frame is longer than {MESSAGE_LIMIT} bytes"));
    }
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let Some(payload) = rest.get(..length as usize) else { return Ok(None) };
    let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Ok(Some((*head, unmasked, bytes.len() - rest.len() + payload.len())))
}

fn length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => rest.split_first_chunk().map(|(two, rest)| (u16::from_be_bytes(*two).into(), rest)),
        127 => rest.split_first_chunk().map(|(eight, rest)| (u64::from_be_bytes(*eight), rest)),
        short => Some((short.into(), rest)),
    }
}

/// Channels in messages.
#[derive(Debug)]
pub struct WebSocket {
    messages: Messages,
    base64: bool,
    closes: bool,
    held: usize,
}

impl WebSocket {
    /// A connection whose handshake is done.
    pub fn new(base64: bool, closes: bool) -> Self {
        Self { messages: Messages::default(), base64, closes, held: 0 }
    }
}

/// The channel and the bytes of a message.
fn unpack(kind: u8, mut message: Vec<u8>, base64: bool) -> Option<(u8, Vec<u8>)> {
    if base64 || kind == TEXT {
        // The number is a digit then.
        let (digit, text) = message.split_first()?;
        let channel = digit.checked_sub(b'0').filter(|channel| *channel < 10)?;
        let text: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        return Some((channel, STANDARD.decode(text).ok()?));
    }
    if message.is_empty() {
        return None;
    }
    let channel = message.remove(0);
    Some((channel, message))
}

impl Transport for WebSocket {
    fn receive(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), String> {
        let (base64, closes) = (self.base64, self.closes);
        let (mut held, mut odd) = (0, false);
        let result = self.messages.receive(bytes, |kind, message| match unpack(kind, message, base64) {
            // Bytes after an invalid message are ignored, however the network cuts them.
            _ if odd => {}
            Some((CLOSE, which)) if closes => events.extend(which.first().map(|channel| Event::Finished((*channel).into()))),
            Some((channel, bytes)) if !bytes.is_empty() => {
                held += bytes.len() + PIECE;
                events.push(Event::Data(channel.into(), bytes));
            }
            Some(_) => {}
            None => odd = true,
        });
        self.held += held;
        if odd && result.is_ok() {
            self.messages.bye(1002);
            return Err("read a WebSocket: a message names no channel, or is no base64".into());
        }
        result
    }

    fn is_full(&self) -> bool {
        self.held >= HELD_LIMIT || self.messages.output.len() >= 2 * OUTPUT_LIMIT
    }

    fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.messages.output)
    }

    fn accept(&mut self, _: u32) {}

    fn send(&mut self, channel: u32, bytes: &[u8]) -> Result<usize, Closed> {
        if self.messages.closed {
            return Err(Closed);
        }
        let mut taken = 0;
        loop {
            let piece = &bytes[taken..bytes.len().min(taken + CHUNK)];
            if self.messages.output.len() >= OUTPUT_LIMIT {
                return Ok(taken);
            }
            if self.base64 {
                let text = format!("{channel}{}", STANDARD.encode(piece));
                self.messages.say(TEXT, text.as_bytes());
            } else {
                self.messages.say(BINARY, &[&[channel as u8], piece].concat());
            }
            taken += piece.len();
            if taken == bytes.len() {
                return Ok(taken);
            }
        }
    }

    /// There is no way to say that of one channel; the connection's end says it of all.
    fn finish(&mut self, _: u32) {}

    fn reset(&mut self, _: u32) {}

    fn used(&mut self, _: u32, bytes: usize) {
        self.held = self.held.saturating_sub(bytes + PIECE);
    }

    fn say_goodbye(&mut self) {
        self.messages.bye(1000);
    }

    fn may_be_waiting(&self) -> bool {
        false
    }

    fn assume_waiting(&mut self) {}
}

/// SPDY in a WebSocket's messages.
pub struct Tunnel {
    messages: Messages,
    session: Session,
}

impl Tunnel {
    /// A connection whose handshake is done.
    pub fn new(session: Session) -> Self {
        Self { messages: Messages::default(), session }
    }
}

impl Transport for Tunnel {
    fn receive(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), String> {
        let mut inner = Vec::new();
        let outer = self.messages.receive(bytes, |_, message| inner.extend_from_slice(&message));
        Transport::receive(&mut self.session, &inner, events)?;
        outer
    }

    fn is_full(&self) -> bool {
        self.session.is_full() || self.messages.output.len() >= 2 * OUTPUT_LIMIT
    }

    fn take_output(&mut self) -> Vec<u8> {
        for piece in self.session.take_output().chunks(CHUNK) {
            self.messages.say(BINARY, piece);
        }
        std::mem::take(&mut self.messages.output)
    }

    fn accept(&mut self, channel: u32) {
        self.session.reply(channel);
    }

    fn send(&mut self, channel: u32, bytes: &[u8]) -> Result<usize, Closed> {
        self.session.send(channel, bytes)
    }

    fn finish(&mut self, channel: u32) {
        self.session.finish(channel);
    }

    fn reset(&mut self, channel: u32) {
        Transport::reset(&mut self.session, channel);
    }

    fn used(&mut self, channel: u32, bytes: usize) {
        self.session.used(channel, bytes);
    }

    fn say_goodbye(&mut self) {
        self.session.go_away();
        for piece in self.session.take_output().chunks(CHUNK) {
            self.messages.say(BINARY, piece);
        }
        self.messages.bye(1000);
    }

    fn may_be_waiting(&self) -> bool {
        self.session.may_be_waiting()
    }

    fn assume_waiting(&mut self) {
        self.session.assume_waiting();
    }
}

#[cfg(test)]
mod tests;
