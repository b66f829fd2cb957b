//! Windows: how many bytes a peer may send that were not used up yet.
//!
//! SPDY/3.1 gives each stream and the connection a window. The one peer that Kubernetes has (Go's spdystream) knows none of this: it
//! sends without limit, never makes room, and hands the notes of room to a queue that a slow stream of its own may block. So we
//! keep to a peer's windows from its first word about them on. A peer that overran ours is never told of room. One that has neither
//! spoken nor overrun is told when it has nearly used up a window and then falls silent: it may be waiting.

/// First size of both sides' windows, in bytes.
pub const INITIAL: i64 = 64 * 1024;
/// Largest size of a window.
const LARGEST: i64 = 0x7fff_ffff;

/// Known behaviour of a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// It spoke of its windows.
    pub speaks: bool,
    /// It sent more than ours allow.
    pub overruns: bool,
}

/// Our window, as the peer must see it.
#[derive(Debug, Clone, Copy)]
pub struct Receive {
    left: i64,
    used: i64,
}

impl Default for Receive {
    fn default() -> Self {
        Self { left: INITIAL, used: 0 }
    }
}

impl Receive {
    /// Bytes came. Whether they fit the window.
    pub fn came(&mut self, bytes: usize) -> bool {
        self.left -= bytes as i64;
        self.left >= 0
    }

    /// Bytes were used up.
    pub fn used(&mut self, bytes: usize) {
        self.used += bytes as i64;
    }

    /// Tells if a peer that keeps to the window should be told of room.
    pub fn is_due(self) -> bool {
        self.used >= INITIAL / 2
    }

    /// Tells if such a peer may be waiting for that.
    pub fn is_low(self) -> bool {
        self.is_due() && self.left < INITIAL / 4
    }

    /// The peer is told of room: how much.
    pub fn tell(&mut self) -> u32 {
        self.left += self.used;
        std::mem::take(&mut self.used) as u32
    }
}

/// The peer's window, as we must see it.
#[derive(Debug, Clone, Copy)]
pub struct Send(pub i64);

impl Send {
    /// Returns the number of bytes that may be sent.
    pub fn room(self, manners: Manners) -> usize {
        if manners.speaks { usize::try_from(self.0).unwrap_or(0) } else { usize::MAX }
    }

    /// Bytes were sent.
    pub fn sent(&mut self, bytes: usize) {
        // A peer that is silent about windows may be sent more than the number holds.
        self.0 = self.0.saturating_sub(bytes as i64);
    }

    /// The peer made room. Whether the window is still one.
    pub fn grow(&mut self, delta: i64) -> bool {
        self.0 = self.0.saturating_add(delta);
        self.0 <= LARGEST
    }
}
