//! Transports turn bytes into channels, without I/O.

use spdy::{Closed, Event, Session, Status};

/// A protocol with several channels on one connection. It speaks in the SPDY crate's events.
pub trait Transport: Send {
    /// Take what came from the network. An error ends the connection; the last words are in the output.
    fn receive(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), String>;
    /// Tells if nothing should be read for now.
    fn is_full(&self) -> bool;
    /// Bytes to send.
    fn take_output(&mut self) -> Vec<u8>;
    /// Accept a channel that the peer opened.
    fn accept(&mut self, channel: u32);
    /// Send bytes: how many were taken.
    fn send(&mut self, channel: u32, bytes: &[u8]) -> Result<usize, Closed>;
    /// Send nothing more on a channel.
    fn finish(&mut self, channel: u32);
    /// End a channel at once.
    fn reset(&mut self, channel: u32);
    /// Bytes that came were used up.
    fn used(&mut self, channel: u32, bytes: usize);
    /// Say the last words.
    fn say_goodbye(&mut self);
    /// Tells if the peer may be waiting for our next frame; if it stays silent, [`Self::assume_waiting`].
    fn may_be_waiting(&self) -> bool;
    /// The peer was silent.
    fn assume_waiting(&mut self);
}

impl Transport for Session {
    fn receive(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), String> {
        Self::receive(self, bytes, events).map_err(|e| e.to_string())
    }

    fn is_full(&self) -> bool {
        Self::is_full(self)
    }

    fn take_output(&mut self) -> Vec<u8> {
        Self::take_output(self)
    }

    fn accept(&mut self, channel: u32) {
        self.reply(channel);
    }

    fn send(&mut self, channel: u32, bytes: &[u8]) -> Result<usize, Closed> {
        Self::send(self, channel, bytes)
    }

    fn finish(&mut self, channel: u32) {
        Self::finish(self, channel);
    }

    fn reset(&mut self, channel: u32) {
        Self::reset(self, channel, Status::Cancel);
    }

    fn used(&mut self, channel: u32, bytes: usize) {
        Self::used(self, channel, bytes);
    }

    fn say_goodbye(&mut self) {
        self.go_away();
    }

    fn may_be_waiting(&self) -> bool {
        Self::may_be_waiting(self)
    }

    fn assume_waiting(&mut self) {
        Self::assume_waiting(self);
    }
}
