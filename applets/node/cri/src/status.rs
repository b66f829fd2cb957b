//! Status codes of RPCs, from the kinds of errors: the one table.

use kit::{Error, Kind};
use tonic::{Code, Status};

/// Code that tells a caller of that kind of error. What the kernel refused us is not what the caller asked for: a file that
/// is missing here must not look like a container that is gone.
pub const fn code(kind: Kind) -> Code {
    match kind {
        Kind::Internal | Kind::Missing | Kind::Forbidden => Code::Internal,
        Kind::Usage | Kind::Invalid => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::Precondition => Code::FailedPrecondition,
        Kind::Denied => Code::PermissionDenied,
        Kind::Exhausted | Kind::Full => Code::ResourceExhausted,
        Kind::TimedOut => Code::DeadlineExceeded,
        Kind::Unavailable | Kind::Unreachable => Code::Unavailable,
        Kind::Unsupported => Code::Unimplemented,
    }
}

/// Tells if such errors happen on a healthy node: probes that are late, questions about what has just gone.
pub const fn is_usual(kind: Kind) -> bool {
    matches!(kind, Kind::NotFound | Kind::TimedOut | Kind::Precondition)
}

/// The error as a caller gets it.
pub fn status(e: &Error) -> Status {
    Status::new(code(e.kind()), e.message())
}
