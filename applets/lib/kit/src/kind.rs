//! Kinds of errors, one enumeration for the whole binary: what code decides by, where a person reads the sentence.

use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// Kind of an error. The first group is what a program finds wrong, the second what the kernel says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Failure of this machine, of which no more is known.
    #[default]
    Internal,
    /// Wrong arguments of a command.
    Usage,
    /// Input that is not what it should be: a request, a configuration, an image, a peer's answer.
    Invalid,
    /// The thing that the caller named does not exist: a container, an image, a tag.
    NotFound,
    /// There is already one of that name.
    AlreadyExists,
    /// The thing is not in a state in which that is possible.
    Precondition,
    /// The caller's credentials are missing or wrong.
    Denied,
    /// A limit of ours is reached; another time there may be room.
    Exhausted,
    /// The time that the caller gave is up.
    TimedOut,
    /// The other side failed; tried again at once it may go well.
    Unavailable,
    /// The other side can't be reached or does not answer: it stays so for longer than anybody waits here.
    Unreachable,
    /// Not implemented.
    Unsupported,

    /// No space left on the file system, or in a quota (`ENOSPC`, `EDQUOT`).
    Full,
    /// No such file, device or process (`ENOENT`, `ENODEV`, `ENXIO`, `ESRCH`): one that we needed, not what a caller named.
    Missing,
    /// Forbidden by the kernel (`EACCES`, `EPERM`, `EROFS`).
    Forbidden,
}

impl Kind {
    /// Exit status of a command that ends with such an error and says no other.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Usage => Exit::USAGE,
            _ => Exit::FAILED,
        }
    }

    /// Tells if the same request may succeed when it is sent again at once.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Unavailable)
    }

    /// Tells if it is a failure of the network or of a server, not of this machine and not of the request.
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::Unavailable | Self::Unreachable)
    }

    /// Kind of a cause that is put into a sentence. A complaint about arguments becomes one about what the sentence names.
    pub(crate) const fn of_cause(self) -> Self {
        match self {
            Self::Usage => Self::Invalid,
            kind => kind,
        }
    }

    /// Kind of a kernel's error.
    pub fn of_errno(errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::NOSPC | Errno::DQUOT => Self::Full,
            Errno::NOENT | Errno::NODEV | Errno::NXIO | Errno::SRCH => Self::Missing,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Forbidden,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_exit_status() {
        assert_eq!(Kind::Usage.exit(), Exit::USAGE);
        assert_eq!(Kind::Full.exit(), Exit::FAILED);
    }
}
