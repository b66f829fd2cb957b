//! Readiness of the node for kubeadm and for a join: the runtime answers, the kernel forwards.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result, paths};

/// Timeout of the CRI server after power-on; it is started before anything else.
const CRI_TIMEOUT: Duration = Duration::from_mins(1);
/// Interval of a wait's checks.
const PAUSE: Duration = Duration::from_millis(100);

/// Wait until the CRI server takes connections.
pub fn wait_for_cri() -> Result<()> {
    let end = Instant::now() + CRI_TIMEOUT;
    loop {
        match UnixStream::connect(paths::CRI).and_then(greet) {
            Ok(()) => return Ok(()),
            Err(e) if Instant::now() >= end => {
                let log = format!("{}/cri.log", paths::LOGS);
                return Err(Error::new(format!("the CRI server does not answer at {}: {e}; its log is {log}", paths::CRI)));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Greet the server as HTTP/2 does and wait for its first frame: a socket that merely listens is no server yet, and kubeadm waits two
/// seconds for an answer and no longer.
fn greet(mut server: UnixStream) -> std::io::Result<()> {
    // RFC 9113, 3.4: the client's preface and an empty SETTINGS frame; the server's own SETTINGS come first of all it says.
    const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const FRAME_HEAD: usize = 9;
    server.set_read_timeout(Some(CRI_TIMEOUT))?;
    server.write_all(HELLO)?;
    server.read_exact(&mut [0; FRAME_HEAD])
}

/// Checks of the kernel that kubeadm's preflight makes; init has set them, unless somebody changed
/// them since.
pub fn ready_node() -> Result<()> {
    const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";
    let now = std::fs::read_to_string(FORWARD).on("read", FORWARD)?;
    if now.trim() == "1" { Ok(()) } else { std::fs::write(FORWARD, "1").on("write", FORWARD) }
}
