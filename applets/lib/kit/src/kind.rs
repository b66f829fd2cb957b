//! Kinds of errors, one enumeration for the whole binary: what code decides by, where a person reads the sentence.

use std::any::Any;
use std::io;

use serde::{Deserialize, Serialize};

use crate::{Error, Exit};

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

    /// Kind of an error of the standard library, which may carry one of ours.
    pub fn of_io(e: &io::Error) -> Self {
        if let Some(errno) = e.raw_os_error() {
            return Self::of_errno(rustix::io::Errno::from_raw_os_error(errno));
        }
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Forbidden,
            _ => e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map_or(Self::Internal, Error::kind),
        }
    }

    /// Kind of the first error in a chain of sources that has one.
    pub fn of_chain(e: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(e);
        while let Some(e) = next {
            let kind = if let Some(e) = e.downcast_ref::<io::Error>() {
                Self::of_io(e)
            } else if let Some(e) = e.downcast_ref::<Error>() {
                e.kind()
            } else {
                of_errnos(e)
            };
            if kind != Self::Internal {
                return kind;
            }
            next = e.source();
        }
        Self::Internal
    }
}

fn of_errnos(e: &(dyn std::error::Error + 'static)) -> Kind {
    if let Some(errno) = e.downcast_ref::<nix::errno::Errno>() {
        return Kind::of_errno(rustix::io::Errno::from_raw_os_error(*errno as i32));
    }
    e.downcast_ref::<rustix::io::Errno>().copied().map_or(Kind::Internal, Kind::of_errno)
}

/// Source of an error, to be kept below the sentence that it becomes a part of.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Takes what is known of any cause: its kind, and itself where it is an error that can be kept.
pub(crate) fn known<E: 'static>(cause: E) -> (Kind, Option<Source>) {
    // Taken out by type: the standard library has no cast from a value of unknown type that does not allocate.
    let mut cause = Some(cause);
    let any: &mut dyn Any = &mut cause;
    if let Some(e) = any.downcast_mut::<Option<io::Error>>().and_then(Option::take) {
        return (Kind::of_io(&e), Some(Box::new(e)));
    }
    if let Some(e) = any.downcast_mut::<Option<Error>>().and_then(Option::take) {
        return (e.kind().of_cause(), Some(Box::new(e)));
    }
    if let Some(errno) = any.downcast_mut::<Option<rustix::io::Errno>>().and_then(Option::take) {
        return (Kind::of_errno(errno), Some(Box::new(io::Error::from(errno))));
    }
    if let Some(errno) = any.downcast_mut::<Option<nix::errno::Errno>>().and_then(Option::take) {
        let e = io::Error::from(errno);
        return (Kind::of_io(&e), Some(Box::new(e)));
    }
    if let Some(e) = any.downcast_mut::<Option<serde_json::Error>>().and_then(Option::take) {
        let kind = e.io_error_kind().map_or(Kind::Internal, |kind| Kind::of_io(&kind.into()));
        return (kind, Some(Box::new(e)));
    }
    (Kind::Internal, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_exit_status() {
        assert_eq!(Kind::Usage.exit(), Exit::USAGE);
        assert_eq!(Kind::Full.exit(), Exit::FAILED);
    }

    #[test]
    fn kinds_are_found_below_other_errors() {
        let full = || io::Error::from_raw_os_error(28);
        assert_eq!(Kind::of_io(&full()), Kind::Full);
        assert_eq!(Kind::of_io(&io::Error::other(Error::of(Kind::Denied, "no"))), Kind::Denied);
        assert_eq!(Kind::of_chain(&Error::caused("a", full())), Kind::Full);
        assert_eq!(Kind::of_chain(&nix::errno::Errno::ENOSPC), Kind::Full);
        assert_eq!(Kind::of_chain(&std::fmt::Error), Kind::Internal);
    }
}
