//! One side of a connection: its streams, what is to be sent, what has come.

use std::collections::BTreeMap;

use crate::Error;
use crate::event::{Closed, Event, Role, Status};
use crate::frame::{self, Decoder, Frame, Setting};
use crate::headers::{Headers, Packer};
use crate::window::{INITIAL, Manners, Receive, Send};

/// Limit of bytes given out as events and not used up yet before [`Session::is_full`]: 1 MiB.
pub const HELD_LIMIT: usize = 1 << 20;
/// Limit of bytes that wait for [`Session::take_output`] before [`Session::send`] takes no more:
/// 256 KiB.
pub const OUTPUT_LIMIT: usize = 256 * 1024;
/// The most streams that a peer may have open at once; a port-forward has two for each connection.
pub const STREAM_LIMIT: usize = 4096;
/// The longest data frame that we send.
const CHUNK: usize = 16 * 1024;
/// Counted for each piece of data beside its bytes: many small pieces must not take much more memory than is counted.
const PIECE: usize = 64;
/// The setting of a stream's initial window.
const INITIAL_WINDOW: u32 = 7;

#[derive(Debug)]
struct Stream {
    /// We may send.
    ours: bool,
    /// The peer may send.
    theirs: bool,
    send: Send,
    receive: Receive,
}

/// One side of a connection.
#[derive(Debug)]
pub struct Session {
    role: Role,
    decoder: Decoder,
    packer: Packer,
    output: Vec<u8>,
    streams: BTreeMap<u32, Stream>,
    /// The last stream that the peer opened.
    last: u32,
    /// The next one that we open.
    next: u32,
    manners: Manners,
    send: Send,
    receive: Receive,
    /// First size of a new stream's window.
    initial: i64,
    held: usize,
    /// We said that we go.
    gone: bool,
}

impl Session {
    /// A new connection.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            decoder: Decoder::default(),
            packer: Packer::default(),
            output: Vec::new(),
            streams: BTreeMap::new(),
            last: 0,
            next: if role == Role::Client { 1 } else { 2 },
            manners: Manners::default(),
            send: Send(INITIAL),
            receive: Receive::default(),
            initial: INITIAL,
            held: 0,
            gone: false,
        }
    }

    /// Take what came from the network. After an error the last words are in the output, and nothing that comes is read any more.
    pub fn receive(&mut self, mut input: &[u8], events: &mut Vec<Event>) -> Result<(), Error> {
        let result = self.read(&mut input, events);
        if result.is_err() {
            self.say_goodbye(1);
        }
        result
    }

    fn read(&mut self, input: &mut &[u8], events: &mut Vec<Event>) -> Result<(), Error> {
        while let Some(frame) = self.decoder.next(input)? {
            self.frame(frame, events)?;
        }
        Ok(())
    }

    /// Tells if nothing should be read from the network for now: the receiver of a stream, or the
    /// network itself, is slower than the peer.
    pub fn is_full(&self) -> bool {
        self.held >= HELD_LIMIT || self.output.len() >= 2 * OUTPUT_LIMIT
    }

    /// Takes the bytes that are to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Tells if bytes are to be sent.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Open a stream: its number.
    pub fn open(&mut self, headers: Headers) -> u32 {
        let stream = self.next;
        self.next += 2;
        self.write(&Frame::SynStream { stream, fin: false, unidirectional: false, headers });
        self.streams.insert(stream, Stream { ours: true, theirs: true, send: Send(self.initial), receive: Receive::default() });
        stream
    }

    /// Accept a stream.
    pub fn reply(&mut self, stream: u32) {
        self.write(&Frame::SynReply { stream, fin: false, headers: Headers::new() });
    }

    /// Send bytes: how many were taken. The rest waits for room: in the peer's windows, or in the output.
    pub fn send(&mut self, stream: u32, bytes: &[u8]) -> Result<usize, Closed> {
        let mut taken = 0;
        while taken < bytes.len() {
            let Some(known) = self.streams.get_mut(&stream).filter(|known| known.ours) else { return Err(Closed) };
            let waiting = OUTPUT_LIMIT.saturating_sub(self.output.len());
            let room = known.send.room(self.manners).min(self.send.room(self.manners)).min(waiting).min(CHUNK);
            let piece = &bytes[taken..bytes.len().min(taken + room)];
            if piece.is_empty() {
                break;
            }
            known.send.sent(piece.len());
            self.send.sent(piece.len());
            self.write(&Frame::Data { stream, fin: false, bytes: piece });
            taken += piece.len();
        }
        Ok(taken)
    }

    /// Send nothing more on a stream.
    pub fn finish(&mut self, stream: u32) {
        if let Some(known) = self.streams.get_mut(&stream).filter(|known| known.ours) {
            known.ours = false;
            self.write(&Frame::Data { stream, fin: true, bytes: &[] });
            self.forget_closed(stream);
        }
    }

    /// End a stream at once.
    pub fn reset(&mut self, stream: u32, status: Status) {
        if self.streams.remove(&stream).is_some() {
            self.write(&Frame::Rst { stream, status: status as u32 });
        }
    }

    /// Bytes of an [`Event::Data`] were used up; call it once for each, with its length.
    pub fn used(&mut self, stream: u32, bytes: usize) {
        self.held = self.held.saturating_sub(bytes + PIECE);
        self.make_room(stream, bytes);
    }

    /// Ask the peer for a sign of life.
    pub fn ping(&mut self, id: u32) {
        // Each side's numbers have the parity of its streams.
        let own = if self.role == Role::Client { id * 2 + 1 } else { id * 2 };
        self.write(&Frame::Ping(own));
    }

    /// Say that no further streams are taken.
    pub fn go_away(&mut self) {
        self.say_goodbye(0);
    }

    fn say_goodbye(&mut self, status: u32) {
        if !self.gone {
            self.gone = true;
            self.write(&Frame::GoAway { last: self.last, status });
        }
    }

    fn write(&mut self, frame: &Frame) {
        frame::write(frame, &mut self.packer, &mut self.output);
    }

    fn make_room(&mut self, stream: u32, bytes: usize) {
        self.receive.used(bytes);
        if let Some(known) = self.streams.get_mut(&stream) {
            known.receive.used(bytes);
        }
        if self.manners.speaks && !self.manners.overruns {
            self.tell_room(Some(stream), Receive::is_due);
        }
    }

    /// Tells if a peer of which nothing is known may be waiting for room: when it stays silent,
    /// call [`Self::assume_waiting`].
    pub fn may_be_waiting(&self) -> bool {
        let unknown = !self.manners.speaks && !self.manners.overruns;
        unknown && (self.receive.is_low() || self.streams.values().any(|known| known.theirs && known.receive.is_low()))
    }

    /// The peer was silent: tell it of room.
    pub fn assume_waiting(&mut self) {
        if self.may_be_waiting() {
            self.tell_room(None, Receive::is_low);
        }
    }

    /// Tell of the connection's room and of one stream's, or all streams', where it is called for.
    fn tell_room(&mut self, only: Option<u32>, called_for: fn(Receive) -> bool) {
        let mut updates = Vec::new();
        if called_for(self.receive) {
            updates.push((0, self.receive.tell()));
        }
        // A peer that sends nothing more on a stream needs no room.
        let streams = self.streams.iter_mut().filter(|(number, known)| only.is_none_or(|only| only == **number) && known.theirs);
        for (number, known) in streams.filter(|(_, known)| called_for(known.receive)) {
            updates.push((*number, known.receive.tell()));
        }
        for (stream, delta) in updates {
            self.write(&Frame::WindowUpdate { stream, delta });
        }
    }

    fn frame(&mut self, frame: Frame, events: &mut Vec<Event>) -> Result<(), Error> {
        match frame {
            Frame::SynStream { stream, fin, unidirectional, headers } => {
                return self.opened(stream, fin, unidirectional, headers, events);
            }
            Frame::SynReply { stream, fin, headers } => self.described(stream, fin, Event::Replied(stream, headers), events),
            Frame::Headers { stream, fin, headers } => self.described(stream, fin, Event::Headers(stream, headers), events),
            Frame::Rst { stream, status } => {
                if self.streams.remove(&stream).is_some() {
                    events.push(Event::Reset(stream, status));
                }
            }
            Frame::Settings(settings) => return self.settings(&settings),
            Frame::Ping(id) if (id % 2 == 1) == (self.role == Role::Client) => events.push(Event::Pong(id / 2)),
            Frame::Ping(id) => self.write(&Frame::Ping(id)),
            Frame::GoAway { status, .. } => events.push(Event::GoAway(status)),
            Frame::WindowUpdate { stream, delta } => return self.room(stream, delta, events),
            Frame::Data { stream, fin, bytes } => self.data(stream, fin, bytes, events),
            Frame::Unknown(_) => {}
        }
        Ok(())
    }

    fn opened(
        &mut self,
        stream: u32,
        fin: bool,
        unidirectional: bool,
        headers: Headers,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        if (stream % 2 == 1) != (self.role == Role::Server) || stream <= self.last {
            return Err(Error::Protocol("a new stream's number is not one of the peer's, or not a new one"));
        }
        self.last = stream;
        if self.gone || self.streams.len() >= STREAM_LIMIT {
            self.write(&Frame::Rst { stream, status: Status::Refused as u32 });
            return Ok(());
        }
        let send = Send(self.initial);
        self.streams.insert(stream, Stream { ours: !unidirectional, theirs: !fin, send, receive: Receive::default() });
        events.push(Event::Opened(stream, headers));
        if fin {
            events.push(Event::Finished(stream));
        }
        self.forget_closed(stream);
        Ok(())
    }

    fn described(&mut self, stream: u32, fin: bool, event: Event, events: &mut Vec<Event>) {
        if self.streams.contains_key(&stream) {
            events.push(event);
            if fin {
                self.finished(stream, events);
            }
        }
    }

    fn data(&mut self, stream: u32, fin: bool, bytes: &[u8], events: &mut Vec<Event>) {
        self.manners.overruns |= !self.receive.came(bytes.len());
        let Some(known) = self.streams.get_mut(&stream).filter(|known| known.theirs) else {
            self.stray(stream, bytes.len(), events);
            return;
        };
        if !bytes.is_empty() {
            self.manners.overruns |= !known.receive.came(bytes.len());
            self.held += bytes.len() + PIECE;
            events.push(Event::Data(stream, bytes.to_vec()));
        }
        if fin {
            self.finished(stream, events);
        }
    }

    /// Data of a stream that is none. One that was ended by us may have been under way; one that never was is told so.
    fn stray(&mut self, stream: u32, bytes: usize, events: &mut Vec<Event>) {
        self.make_room(0, bytes);
        let by_peer = (stream % 2 == 1) == (self.role == Role::Server);
        let never = if by_peer { stream > self.last } else { stream >= self.next };
        let finished = self.streams.remove(&stream).is_some();
        if finished {
            events.push(Event::Reset(stream, Status::Invalid as u32));
        }
        if never || finished {
            self.write(&Frame::Rst { stream, status: Status::Invalid as u32 });
        }
    }

    fn finished(&mut self, stream: u32, events: &mut Vec<Event>) {
        if let Some(known) = self.streams.get_mut(&stream).filter(|known| known.theirs) {
            known.theirs = false;
            events.push(Event::Finished(stream));
            self.forget_closed(stream);
        }
    }

    fn forget_closed(&mut self, stream: u32) {
        if self.streams.get(&stream).is_some_and(|known| !known.ours && !known.theirs) {
            self.streams.remove(&stream);
        }
    }

    fn settings(&mut self, settings: &[Setting]) -> Result<(), Error> {
        self.manners.speaks = true;
        for (_, value) in settings.iter().filter(|(id, _)| *id == INITIAL_WINDOW) {
            let initial = i64::from(*value);
            if initial > 0x7fff_ffff {
                return Err(Error::Protocol("an initial window is larger than a window can be"));
            }
            let change = initial - std::mem::replace(&mut self.initial, initial);
            for stream in self.streams.values_mut() {
                stream.send.grow(change);
            }
        }
        Ok(())
    }

    fn room(&mut self, stream: u32, delta: u32, events: &mut Vec<Event>) -> Result<(), Error> {
        self.manners.speaks = true;
        if stream == 0 {
            let fits = delta > 0 && self.send.grow(delta.into());
            return if fits { Ok(()) } else { Err(Error::Protocol("the connection's window is no window any more")) };
        }
        // Of a stream that has ended there is nothing to know.
        if let Some(known) = self.streams.get_mut(&stream)
            && (delta == 0 || !known.send.grow(delta.into()))
        {
            self.reset(stream, Status::FlowControl);
            events.push(Event::Reset(stream, Status::FlowControl as u32));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
