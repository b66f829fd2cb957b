//! Errors of bytes that are no SPDY/3.1.

use std::fmt;

/// Reason why a connection can't go on. The compression of headers has a state, so that after any
/// of these nothing that follows is readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A control frame of another version of the protocol.
    Version(u16),
    /// A control frame that says it is that long.
    TooLong(usize),
    /// A frame of that type whose length or content does not fit it.
    Malformed(&'static str),
    /// A block of headers that can't be decompressed, or that is longer than we take.
    Headers(&'static str),
    /// The peer breaks a rule of the protocol.
    Protocol(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "read a frame: its version is {version}, not 3"),
            Self::TooLong(length) => write!(f, "read a frame: a control frame of {length} bytes is too long"),
            Self::Malformed(what) => write!(f, "read a frame: {what} is malformed"),
            Self::Headers(why) => write!(f, "read headers: {why}"),
            Self::Protocol(what) => write!(f, "the peer broke the protocol: {what}"),
        }
    }
}

impl std::error::Error for Error {}
