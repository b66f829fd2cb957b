//! A time server in the lab, honest or not.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use format::ntp;
use kit::{Context, Result};

use crate::network::ADDRESS;

/// Port of time servers.
pub const PORT: u16 = 123;
/// Interval of the server's check if it is to end.
const LOOK: Duration = Duration::from_millis(200);

/// Kind of a server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The host's time.
    Right,
    /// The first day of 1999, by a clock that calls itself good.
    Old,
    /// The host's time, to somebody else's question.
    Deaf,
    /// The host's time, by a clock that was never set.
    Unset,
    /// To go away.
    Rude,
    /// Half a message.
    Cut,
}

/// A server. Dropping it ends it.
#[derive(Debug)]
pub struct Time {
    ended: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Time {
    /// Answer at the lab's address.
    pub fn start(port: u16, manner: Manner) -> Result<Self> {
        let address = SocketAddr::from((ADDRESS, port));
        let socket = UdpSocket::bind(address).doing(format!("tell the time at {address}"))?;
        socket.set_read_timeout(Some(LOOK)).doing("set a time limit")?;
        let (ended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (told, count) = (Arc::clone(&ended), Arc::clone(&asked));
        let thread = thread::spawn(move || {
            let mut question = [0; ntp::LEN];
            while !told.load(Ordering::Relaxed) {
                if let Ok((ntp::LEN, client)) = socket.recv_from(&mut question) {
                    count.fetch_add(1, Ordering::Relaxed);
                    let answer = answer(&question, manner);
                    let len = if manner == Manner::Cut { answer.len() / 2 } else { answer.len() };
                    // A client that went away has no use for it.
                    let _ = socket.send_to(&answer[..len], client);
                }
            }
        });
        Ok(Self { ended, asked, thread: Some(thread) })
    }

    /// Returns the number of questions that it got.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It ends at its next look.
            let _ = thread.join();
        }
    }
}

fn answer(question: &[u8; ntp::LEN], manner: Manner) -> [u8; ntp::LEN] {
    /// 1999-01-01.
    const OLD: i128 = 915_148_800_000_000_000;
    /// Version 4, a server.
    const HEAD: u8 = 4 << 3 | 4;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let now = if manner == Manner::Old { OLD } else { i128::try_from(now).unwrap_or_default() };
    let mut bytes = [0; ntp::LEN];
    (bytes[0], bytes[1]) = match manner {
        Manner::Unset => (3 << 6 | HEAD, 2),
        Manner::Rude => (3 << 6 | HEAD, 0),
        _ => (HEAD, 2),
    };
    if manner == Manner::Rude {
        bytes[12..16].copy_from_slice(b"DENY");
    }
    bytes[24..32].copy_from_slice(&question[40..]);
    if manner == Manner::Deaf {
        bytes[31] ^= 1;
    }
    bytes[32..40].copy_from_slice(&ntp::stamp(now).to_be_bytes());
    bytes[40..].copy_from_slice(&ntp::stamp(now).to_be_bytes());
    bytes
}
