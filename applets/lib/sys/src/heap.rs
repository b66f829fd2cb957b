//! The heap: dlmalloc, one for all threads, which gives back what is free at its end.

use std::sync::Once;

/// For `#[global_allocator]`.
pub use dlmalloc::GlobalDlmalloc as Heap;

/// A child that is forked from a process with threads must not find the heap locked by a thread that it has not.
pub fn survive_forks() {
    static ONCE: Once = Once::new();
    // SAFETY: it may be called once, when nobody else does; the handlers that it installs do nothing but lock and unlock.
    ONCE.call_once(|| unsafe { dlmalloc::enable_alloc_after_fork() });
}
