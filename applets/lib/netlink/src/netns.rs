//! Work in another network namespace.

use std::os::fd::BorrowedFd;

use kit::{Context, Error, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Run `work` in the network namespace `netns` (an open `/proc/PID/ns/net` or a bind mount of one). It runs in a thread of its
/// own that ends with it, because a thread's network namespace is the thread's alone: the caller never moves, whatever happens.
/// A [`crate::Netlink`] that `work` opens and returns keeps to that namespace.
pub fn within<T: Send>(netns: BorrowedFd<'_>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".into()).spawn_scoped(scope, || {
            move_into_link_name_space(netns, Some(LinkNameSpaceType::Network)).doing("enter the network namespace")?;
            work()
        });
        let thread = thread.doing("start a thread")?;
        thread.join().map_err(|_| Error::new("the work in a network namespace was broken off"))?
    })
}
