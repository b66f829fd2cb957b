//! Effect of a write into a closed pipe.

/// Let a write into a closed pipe end the process, as commands in a pipeline expect. Rust's start-up ignores SIGPIPE.
pub fn end_on_closed_pipe() {
    // SAFETY: SIG_DFL is a valid disposition, and no handler of ours runs in its place.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Let a write into a closed pipe be an error, as Rust's start-up does: for what serves others, and must outlive them. Processes that
/// are started through the standard library get the usual disposition back.
pub fn ignore() {
    // SAFETY: SIG_IGN is a valid disposition, and no handler of ours runs in its place.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}
