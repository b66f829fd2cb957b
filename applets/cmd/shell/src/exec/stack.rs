//! Guard of the stack: commands that call themselves without end get an error in place of a signal.

use nix::sys::resource::{Resource, getrlimit};

/// Room that must be left: for the parser, which has its own limit, and for what a single command takes.
const RESERVE: usize = 5 << 19;
/// Most that is used where the system sets no limit.
const MOST: usize = 64 << 20;

/// Begin of the stack, and the bytes that may be used.
#[derive(Debug, Clone, Copy)]
pub struct Stack {
    begin: usize,
    limit: usize,
}

impl Stack {
    /// The stack from here on.
    pub fn begin() -> Self {
        let limit = getrlimit(Resource::RLIMIT_STACK).map_or(0, |(now, _)| now);
        let limit = usize::try_from(limit).unwrap_or(MOST).min(MOST);
        Self { begin: place(), limit: limit.saturating_sub(RESERVE).max(RESERVE) }
    }

    /// True when no more commands may begin inside of others.
    pub fn is_used_up(&self) -> bool {
        self.begin.abs_diff(place()) > self.limit
    }
}

/// Address of something on the stack.
#[inline(never)]
fn place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}
