//! Events of a session, and the terms that it shares with its user.

use crate::headers::Headers;

/// Side of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its streams have odd numbers.
    Client,
    /// Its streams have even numbers.
    Server,
}

/// Reason of a stream's reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A rule was broken.
    Protocol = 1,
    /// There is no such stream.
    Invalid = 2,
    /// The stream is not taken, and nothing was done for it.
    Refused = 3,
    /// It is not needed any more.
    Cancel = 5,
    /// Something went wrong.
    Internal = 6,
    /// A window was broken.
    FlowControl = 7,
}

/// The stream is closed for sending, or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Event of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer opened a stream.
    Opened(u32, Headers),
    /// The peer accepted ours.
    Replied(u32, Headers),
    /// The peer said more about a stream.
    Headers(u32, Headers),
    /// Bytes. They count as held until [`Session::used`].
    Data(u32, Vec<u8>),
    /// The peer sends nothing more on it.
    Finished(u32),
    /// The peer ended the stream at once, with that status.
    Reset(u32, u32),
    /// The peer takes no further streams, and closes.
    GoAway(u32),
    /// The peer sent back our ping.
    Pong(u32),
}
