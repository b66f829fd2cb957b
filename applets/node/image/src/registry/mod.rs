//! Registries: the client of the OCI distribution specification, 1.1, and of docker's registries.
//!
//! [`pull`] goes from a name to an image in the store. [`hosts`] says which servers to ask, [`endpoint`] asks one of them and proves
//! who we are, [`blob`] downloads, `crate::layer` unpacks.

mod agent;
mod blob;
mod challenge;
mod credentials;
mod endpoint;
mod hosts;
mod manifest;
mod progress;
mod pull;
mod remote;
mod steady;
#[cfg(test)]
mod tests;
mod url;

/// The parsers, for [`crate::fuzz`].
pub(crate) mod parsers {
    pub use super::challenge::parse as challenge;
    pub use super::hosts::parse as hosts;

    use super::manifest::{self, Document};
    use super::url::Url;

    /// A manifest is checked, of an index one is chosen.
    pub fn decode(bytes: &[u8]) -> kit::Result<()> {
        match manifest::decode(bytes)? {
            Document::Index(index) => manifest::choose(&index).map(drop),
            Document::Image(image) => manifest::check(&image),
        }
    }

    /// An address, and the same relative to another one.
    pub fn url(text: &str) {
        let _ = Url::parse(text);
        if let Ok(base) = Url::parse("https://registry.example/v2/a/blobs/") {
            let _ = base.join(text);
        }
    }
}

pub use credentials::Credentials;
pub use hosts::Overrides;
pub use progress::Progress;
pub use pull::{Request, STALL_TIMEOUT, pull};
