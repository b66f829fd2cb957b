//! Says when a CRI server begins to answer: the same program on both sides of a comparison, started before either's init.
//!
//! The kernel runs it as process 1 (`rdinit=`). It starts itself again as the prober and becomes /init. The prober calls
//! `runtime.v1.RuntimeService/Version` over the socket until a version comes back, then writes `NONCE DELAY` to the port
//! `kutties.verdict`. DELAY is what passed between the answer and the writing, in milliseconds: the port's driver may load later.
//!
//! [`ORDERS`] has two lines, the nonce and the socket's path.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use agent::VERDICT;

/// The nonce and the socket; beside this program.
const ORDERS: &str = "/usr/lib/kutties-test/cri-probe.orders";
/// Argument that tells process 1 and the prober apart.
const PROBE: &str = "probe";
/// Between two attempts: short beside a boot, and an attempt without a socket costs next to nothing.
const PAUSE: Duration = Duration::from_millis(20);
/// A server that has accepted and does not answer within this time is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let result = if std::env::args().nth(1).as_deref() == Some(PROBE) { probe() } else { become_init() };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "cri-probe: {e}");
            ExitCode::FAILURE
        }
    }
}

fn become_init() -> io::Result<()> {
    let me = std::env::args_os().next().unwrap_or_default();
    Command::new(me).arg(PROBE).stdin(Stdio::null()).spawn()?;
    Err(Command::new("/init").args(std::env::args_os().skip(1)).exec())
}

fn probe() -> io::Result<()> {
    let orders = fs::read_to_string(ORDERS)?;
    let (nonce, socket) = orders.trim().split_once('\n').ok_or(ErrorKind::InvalidData)?;
    let socket = seen(socket);
    while version(&socket).is_err() {
        thread::sleep(PAUSE);
    }
    let answered = Instant::now();
    loop {
        if let Ok(mut port) = port() {
            return writeln!(port, "{nonce} {}", answered.elapsed().as_millis());
        }
        thread::sleep(PAUSE);
    }
}

/// The path as init sees it: init may have moved to a mount over the first root, where this process stays behind. `..` of the root
/// is what was mounted over it last.
fn seen(path: &str) -> PathBuf {
    Path::new("/..").join(path.trim_start_matches('/'))
}

fn port() -> io::Result<fs::File> {
    for entry in fs::read_dir(seen("/sys/class/virtio-ports"))? {
        let entry = entry?;
        if fs::read_to_string(entry.path().join("name"))?.trim() == VERDICT {
            return OpenOptions::new().write(true).open(seen("/dev").join(entry.file_name()));
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// HTTP/2's frame types and flags (RFC 9113, 6) that one call needs.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// One gRPC call, written out: an HTTP/2 library would be most of this program, and its start a part of what is measured.
fn version(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut call = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut call, SETTINGS, 0, 0, &[]);
    frame(&mut call, HEADERS, END_HEADERS, 1, &headers());
    // Not compressed, no bytes: an empty message.
    frame(&mut call, DATA, END_STREAM, 1, &[0; 5]);
    stream.write_all(&call)?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let mut body = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut body)?;
        match (head[3], head[4], head[8]) {
            // A message that is not empty: the server's name and versions.
            (DATA, _, 1) if body.len() > 5 => return Ok(()),
            // The end of the call without one: an error.
            (HEADERS | DATA, flags, 1) if flags & END_STREAM != 0 => return Err(ErrorKind::Other.into()),
            (SETTINGS, 0, 0) => {
                let mut ack = Vec::new();
                frame(&mut ack, SETTINGS, ACK, 0, &[]);
                stream.write_all(&ack)?;
            }
            _ => {}
        }
    }
}

fn frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, body: &[u8]) {
    to.extend([0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream]);
    to.extend(body);
}

/// The call's header block in HPACK (RFC 7541): names from the static table, values as they are.
fn headers() -> Vec<u8> {
    // `:method: POST` and `:scheme: http` are in the table.
    let mut block = vec![0x83, 0x86];
    // `:path`, `:authority`, `content-type`.
    for (name, value) in [
        (&[0x04][..], "/runtime.v1.RuntimeService/Version"),
        (&[0x01], "localhost"),
        (&[0x0f, 0x10], "application/grpc"),
        (b"\x00\x02te", "trailers"),
    ] {
        block.extend(name);
        block.push(value.len() as u8);
        block.extend(value.bytes());
    }
    block
}
