//! Exec, attach and port-forward: the kubelet asks for a URL by gRPC, then whoever has it comes here by HTTP.
//!
//! `server` answers HTTP, `token` keeps what was promised, `url` says where, `upgrade` chooses the protocol. A `transport` turns bytes into channels: the
//! `spdy` crate, or `websocket`, or the one in the other. `connection` gives channels to tasks, with back-pressure. `remote` is what
//! exec and attach share; `exec`, `attach` and `forward` do the work.

mod attach;
mod connection;
pub mod descriptor;
mod exec;
mod forward;
pub mod fuzz;
mod http;
mod remote;
mod server;
mod token;
mod transport;
mod upgrade;
mod url;
mod websocket;

pub use server::serve;
pub use token::{Order, Streams};
pub use url::Streaming;

#[cfg(test)]
mod tests;
