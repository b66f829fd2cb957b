//! Protocol between the host and the guest's agent: one JSON object a line, over the virtio-serial
//! port [`PORT`].
//!
//! Bytes travel as text of which each character is one byte (U+0000 to U+00FF): readable in a transcript, no encoder needed.

pub mod exec;

use serde::{Deserialize, Serialize};

/// The virtio-serial port on which the agent answers.
pub const PORT: &str = "kutties.agent";
/// The port over which a guest's own commands say how they ended.
pub const VERDICT: &str = "kutties.verdict";
/// Path of the agent in the guest.
pub const PATH: &str = "/usr/lib/kutties-test/agent";

/// Something to do in the guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The host's nonce: the reply carries it, so that no stale answer is taken.
    pub id: u64,
    /// Operation to do.
    pub ask: Ask,
}

/// Operations of the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Say that you are there.
    Ping,
    /// Run a command to its end.
    Exec {
        /// The command and its arguments.
        argv: Vec<String>,
        /// Working directory.
        directory: String,
        /// Standard input.
        stdin: Bytes,
        /// After so many seconds its process group is killed.
        timeout: u64,
    },
    /// List what the node holds: mounts, processes, namespaces, links, cgroups, leases, directories.
    Look,
    /// A file's content.
    Read {
        /// Its path.
        path: String,
    },
    /// Make or replace a file.
    Write {
        /// Its path; missing directories are made.
        path: String,
        /// Its new content.
        data: Bytes,
        /// Its permission bits.
        mode: u32,
    },
}

/// The answer to one request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    /// The request's nonce.
    pub id: u64,
    /// Result of the operation.
    pub answer: Answer,
}

/// Result of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Done; nothing to tell.
    Done,
    /// A command ended.
    Exec {
        /// Its exit code; 128 + n when signal n ended it.
        code: i32,
        /// Standard output.
        stdout: Bytes,
        /// Standard error.
        stderr: Bytes,
        /// True if it was killed for taking too long.
        late: bool,
    },
    /// Found items, a line each.
    Lines(Vec<String>),
    /// A file's content.
    Data(Bytes),
    /// It could not be done: a sentence.
    Failed(String),
}

/// Bytes as text, a character a byte.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bytes(String);

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().map(char::from).collect())
    }
}

impl From<Bytes> for Vec<u8> {
    /// Characters beyond U+00FF, which no agent sends, become question marks.
    fn from(bytes: Bytes) -> Self {
        bytes.0.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let wire = serde_json::to_string(&Bytes::from(all.as_slice())).unwrap();
        assert!(!wire.contains('\n'));
        assert_eq!(Vec::from(serde_json::from_str::<Bytes>(&wire).unwrap()), all);
    }
}
