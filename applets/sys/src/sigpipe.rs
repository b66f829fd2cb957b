//! What a write into a closed pipe does.

/// Let a write into a closed pipe end the process, as commands in a pipeline expect. Rust's start-up ignores SIGPIPE.
pub fn end_on_closed_pipe() {
    // SAFETY: SIG_DFL is a valid disposition, and no handler of ours runs in its place.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
