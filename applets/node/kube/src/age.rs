//! Files encrypted as age does (age-encryption.org/v1), to X25519 recipients: streams in constant
//! memory.
//!
//! A file is a header with the file's key, sealed for each recipient, and chunks of 64 KiB which
//! can't be left out, swapped or cut without a trace. Who made a file is not proved by it: a
//! recipient is a public key.

mod bech32;
mod header;
mod keys;
mod stream;

pub use header::{Header, LONGEST, Stanza, Wrong};
pub use keys::{Identity, Recipient, identities};
pub use stream::{Opener, Sealer, sealed_length};
