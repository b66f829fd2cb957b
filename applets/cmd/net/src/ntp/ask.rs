//! One question to one server.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use format::ntp::{self, Wrong};
use kit::{Context, Error, Result};

use super::since_1970;

/// Nanoseconds in a second.
pub const NANOS: i128 = 1_000_000_000;
/// Port of time servers.
const PORT: u16 = 123;
/// Timeout of an answer: a slower one says little.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes; what follows the first 48 is not looked at.
const LONGEST: usize = 512;

/// Measurement of our clock by one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Offset to add to the clock, in nanoseconds.
    pub offset: i128,
    /// By how much that may be wrong: half the way there and back, and the server's own error.
    pub error: i128,
    /// Distance of the server from a real clock.
    pub stratum: u8,
    /// Server that answered.
    pub server: SocketAddr,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |nanos: i128| {
            let millis = nanos.unsigned_abs() / 1_000_000;
            format!("{}.{:03} s", millis / 1000, millis % 1000)
        };
        let way = if self.offset < 0 { "ahead" } else { "behind" };
        let (offset, error, server) = (seconds(self.offset), seconds(self.error), self.server.ip());
        write!(f, "it was {way} by {offset}, within {error}, by {server} of stratum {}", self.stratum)
    }
}

/// Reason why there is no answer.
#[derive(Debug)]
pub struct Refusal {
    /// As a sentence.
    pub error: Error,
    /// The word with which the server sent us away.
    pub kiss: Option<[u8; 4]>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, kiss: None }
    }
}

/// Ask `HOST`, `HOST:PORT` or an address. An answer that is not to our question is passed over: somebody may guess.
pub fn ask(server: &str, floor: i64) -> Result<Sample, Refusal> {
    let doing = format!("ask the time server {server}");
    let address = address(server)?;
    let any: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((any, 0)).doing("open a socket")?;
    let mut number = [0; 8];
    rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    let number = u64::from_ne_bytes(number);
    socket.connect(address).doing(&doing)?;
    let (begin, asked) = (Instant::now(), since_1970());
    socket.send(&ntp::question(number)).doing(&doing)?;
    let mut buffer = [0; LONGEST];
    let mut last = None;
    loop {
        let left = PATIENCE.saturating_sub(begin.elapsed());
        if left.is_zero() {
            let why = last.map_or_else(|| format!("no answer within {} s", PATIENCE.as_secs()), |wrong: Wrong| wrong.to_string());
            return Err(Error::new(format!("{doing}: {why}")).into());
        }
        socket.set_read_timeout(Some(left)).doing("set a time limit")?;
        let len = match socket.recv(&mut buffer) {
            Err(e) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&e.kind()) => continue,
            len => len.doing(&doing)?,
        };
        let took = begin.elapsed();
        match ntp::answer(buffer.get(..len).unwrap_or_default(), number, floor) {
            Ok(answer) => return Ok(sample(&answer, asked, took, address).ok_or_else(|| impossible(&doing))?),
            Err(wrong @ (Wrong::Short | Wrong::Mode | Wrong::Origin)) => last = Some(wrong),
            Err(wrong) => {
                let kiss = if let Wrong::Kiss(word) = wrong { Some(word) } else { None };
                return Err(Refusal { error: Error::new(format!("{doing}: {wrong}")), kiss });
            }
        }
    }
}

fn impossible(doing: &str) -> Error {
    Error::new(format!("{doing}: it says that it took longer than its answer was on the way"))
}

/// The clock's offset, when the question left at `asked` and the answer was here `took` later; none when the server claims the impossible.
fn sample(answer: &ntp::Answer, asked: i128, took: Duration, server: SocketAddr) -> Option<Sample> {
    let back = asked + i128::try_from(took.as_nanos()).ok()?;
    let way = (back - asked) - (answer.sent - answer.received);
    let offset = i128::midpoint(answer.received - asked, answer.sent - back);
    (way >= 0).then_some(Sample { offset, error: way / 2 + answer.distance, stratum: answer.stratum, server })
}

fn address(server: &str) -> Result<SocketAddr> {
    let (host, port) = place(server);
    let found = (host, port).to_socket_addrs().doing(format_args!("find the time server {server}"))?.next();
    found.ok_or_else(|| Error::new(format!("find the time server {server}: it has no address")))
}

/// Host and port.
fn place(server: &str) -> (&str, u16) {
    let bare = |host: &'_ str| host.parse::<IpAddr>().is_ok();
    match server.rsplit_once(':') {
        _ if bare(server) => (server, PORT),
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            (host.trim_start_matches('[').trim_end_matches(']'), port.parse().unwrap_or(PORT))
        }
        _ => (server.trim_start_matches('[').trim_end_matches(']'), PORT),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn servers_are_named_in_every_form() {
        for (text, expected) in [
            ("10.0.0.1", ("10.0.0.1", 123)),
            ("10.0.0.1:1123", ("10.0.0.1", 1123)),
            ("fd00::7", ("fd00::7", 123)),
            ("[fd00::7]:9", ("fd00::7", 9)),
            ("[fd00::7]", ("fd00::7", 123)),
            ("time.lab", ("time.lab", 123)),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }

    #[test]
    fn the_way_there_and_back_is_taken_out() {
        let server = "10.0.0.1:123".parse().unwrap();
        // Ours is 100 s behind; 20 ms there, 10 ms of work, 20 ms back.
        let answer = ntp::Answer { received: 200 * NANOS + 20_000_000, sent: 200 * NANOS + 30_000_000, stratum: 1, distance: 5 };
        let found = sample(&answer, 100 * NANOS, Duration::from_millis(50), server).unwrap();
        assert_eq!((found.offset, found.error), (100 * NANOS, 20_000_005));
        assert!(sample(&answer, 100 * NANOS, Duration::from_millis(9), server).is_none());
    }

    #[test]
    fn a_stranger_who_guesses_is_not_heard() {
        let floor = kit::clock::earliest();
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let name = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            let mut question = [0; 48];
            let (_, client) = listener.recv_from(&mut question).unwrap();
            let mut answer = [0; 48];
            (answer[0], answer[1]) = (4 << 3 | 4, 1);
            let now = ntp::stamp(since_1970() + 3600 * NANOS).to_be_bytes();
            answer[32..40].copy_from_slice(&now);
            answer[40..].copy_from_slice(&now);
            listener.send_to(&answer, client).unwrap();
            answer[24..32].copy_from_slice(&question[40..]);
            listener.send_to(&answer, client).unwrap();
        });
        let sample = ask(&name, floor).unwrap();
        served.join().unwrap();
        assert!((sample.offset - 3600 * NANOS).abs() < NANOS, "{sample}");
    }
}
