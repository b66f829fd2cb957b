//! The user who may read.

/// The name and password that the secure door asks for; the hash is a published test vector of bcrypt (crypt_blowfish's).
pub const USER: (&str, &str) = ("puller", "U*U");
