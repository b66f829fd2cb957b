//! SPDY/3.1 as Kubernetes speaks it for exec, attach and port-forward: bytes in, events out, no I/O.
//!
//! A [`Session`] is one side of a connection. What came from the network goes into [`Session::receive`], which appends [`Event`]s;
//! what is to be sent collects in the session and is taken with [`Session::take_output`]. All that a stranger can send is bounded:
//! frames, header blocks, streams, and the bytes that were received and not used up yet (see [`Session::is_full`]).

mod dictionary;
mod error;
mod event;
mod frame;
mod headers;
mod session;
mod window;

pub use error::Error;
pub use event::{Closed, Event, Role, Status};
pub use frame::{Decoder, Frame, MAX_CONTROL, Setting};
pub use headers::{Block, Headers, Packer, Unpacker};
pub use session::{HELD_LIMIT, OUTPUT_LIMIT, STREAM_LIMIT, Session};
