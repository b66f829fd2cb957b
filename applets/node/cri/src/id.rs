//! Ids of sandboxes and containers.

use kit::{Context, Error, Kind, Result};

/// A new id: 64 hexadecimal digits, as all tools expect.
pub fn new_id() -> Result<String> {
    let mut bytes = [0u8; 32];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    if got != bytes.len() {
        return Err(Error::new("get random bytes: too few came"));
    }
    Ok(kit::hex::encode(bytes))
}

/// There is no such sandbox, container or image.
pub fn not_found(kind: &str, id: &str) -> Error {
    Error::of(Kind::NotFound, format!("there is no {kind} {id}"))
}
