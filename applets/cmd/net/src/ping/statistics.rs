//! Counting echoes and their times.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Counts and times of packets.
pub struct Statistics {
    host: String,
    addr: IpAddr,
    began: Instant,
    last: Instant,
    /// Time of sending of each that is not answered yet.
    open: HashMap<u16, Instant>,
    least: Duration,
    most: Duration,
    /// The sum of the times in milliseconds, and of their squares.
    sum: f64,
    squares: f64,
    pub sent: u64,
    pub received: u64,
    refused: u64,
}

impl Statistics {
    pub fn new(addr: IpAddr, host: &str) -> Self {
        let (now, host) = (Instant::now(), host.to_owned());
        Self {
            host,
            addr,
            began: now,
            last: now,
            open: HashMap::new(),
            least: Duration::MAX,
            most: Duration::ZERO,
            sum: 0.0,
            squares: 0.0,
            sent: 0,
            received: 0,
            refused: 0,
        }
    }

    /// One is being sent: its sequence number, from 1 on.
    pub fn sending(&mut self) -> u16 {
        self.sent += 1;
        let seq = self.sent as u16;
        self.last = Instant::now();
        self.open.insert(seq, self.last);
        seq
    }

    /// An answer came: how long it took; none when it was answered before.
    pub fn heard(&mut self, seq: u16) -> Option<Duration> {
        let took = self.open.remove(&seq)?.elapsed();
        self.received += 1;
        self.least = self.least.min(took);
        self.most = self.most.max(took);
        self.sum += took.as_secs_f64() * 1e3;
        self.squares += (took.as_secs_f64() * 1e3).powi(2);
        Some(took)
    }

    /// It was refused on the way.
    pub fn refused(&mut self, seq: u16) {
        if self.open.remove(&seq).is_some() {
            self.refused += 1;
        }
    }

    pub fn all_heard(&self) -> bool {
        self.open.is_empty()
    }

    pub const fn last_sent(&self) -> Instant {
        self.last
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, received) = (self.sent, self.received);
        let name = if self.host.is_empty() { self.addr.to_string() } else { self.host.clone() };
        let lost = (sent.saturating_sub(received) * 100).checked_div(sent).unwrap_or(0);
        let errors = if self.refused > 0 { format!("+{} errors, ", self.refused) } else { String::new() };
        let time = self.last.duration_since(self.began).as_millis();
        writeln!(f, "\n--- {name} ping statistics ---")?;
        writeln!(f, "{sent} packets transmitted, {received} received, {errors}{lost}% packet loss, time {time}ms")?;
        if received == 0 {
            return Ok(());
        }
        let count = f64::from(u32::try_from(received).unwrap_or(u32::MAX));
        let average = self.sum / count;
        // Rounding may take it below nothing.
        let deviation = (self.squares / count - average.powi(2)).max(0.0).sqrt();
        let (least, most) = (self.least.as_secs_f64() * 1e3, self.most.as_secs_f64() * 1e3);
        writeln!(f, "rtt min/avg/max/mdev = {least:.3}/{average:.3}/{most:.3}/{deviation:.3} ms")
    }
}

/// A time with three digits that count.
pub fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        0.0..1.0 => format!("{ms:.3}"),
        1.0..10.0 => format!("{ms:.2}"),
        10.0..100.0 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_ones_are_counted() {
        let mut statistics = Statistics::new([10, 0, 0, 1].into(), "gateway");
        let first = statistics.sending();
        statistics.sending();
        assert!(statistics.heard(first).is_some());
        assert!(statistics.heard(first).is_none());
        assert!(!statistics.all_heard());
        let text = statistics.to_string();
        assert!(text.contains("--- gateway ping statistics ---\n2 packets transmitted, 1 received, 50% packet loss"), "{text}");
        assert_eq!(milliseconds(Duration::from_micros(1234)), "1.23");
    }
}
