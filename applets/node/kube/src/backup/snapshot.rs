//! A snapshot of etcd as it comes from the server, by the JSON form of its API (`/v3/maintenance`):
//! nothing of it is held, and no other program is needed.

use std::io::{self, BufRead, BufReader, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::{Context, Error, Result};
use ring::digest;
use serde::Deserialize;

use super::archive::hex;
use crate::api::Api;
use crate::http_stream;

/// Bytes of the sum that follows the data.
const SUM: u64 = 32;
/// The longest message, in bytes: etcd sends 32 KiB at a time.
const LONGEST: u64 = 8 << 20;

/// Facts that etcd tells of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its cluster's number.
    pub cluster: String,
    /// The newest revision.
    pub revision: u64,
}

/// Numbers of 64 bits are texts in this form.
#[derive(Deserialize)]
struct StatusAnswer {
    header: StatusHeader,
    version: String,
}

#[derive(Deserialize)]
struct StatusHeader {
    cluster_id: String,
    revision: String,
}

#[derive(Deserialize)]
struct Message {
    result: Option<Part>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    remaining_bytes: String,
    #[serde(default)]
    blob: String,
}

/// Ask etcd about itself.
pub fn status(api: &Api) -> Result<Status> {
    let answer = api.post("/v3/maintenance/status", &serde_json::json!({}))?;
    if answer.status != 200 {
        return Err(http_stream::refused(answer.status, answer.body.to_string().as_bytes()));
    }
    let answer: StatusAnswer =
        serde_json::from_value(answer.body).map_err(|_| Error::new("etcd does not say what it is: it is another version"))?;
    let revision = answer.header.revision.parse().doing("read etcd's revision")?;
    Ok(Status { version: answer.version, cluster: answer.header.cluster_id, revision })
}

/// The bytes of a snapshot. Its end is an error unless all that was announced has come, and its sum
/// is right.
pub struct Snapshot {
    from: Box<dyn BufRead>,
    length: u64,
    left: u64,
    part: Vec<u8>,
    read: usize,
    sum: Option<digest::Context>,
    announced: Vec<u8>,
}

impl Snapshot {
    /// Ask for one.
    pub fn ask(api: &Api) -> Result<Self> {
        let endpoint = &api.endpoint;
        let head = format!(
            "POST /v3/maintenance/snapshot HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        );
        let (status, body) = http_stream::ask(api.connect()?, &head, b"{}")?;
        if status != 200 {
            return Err(http_stream::refused(status, body));
        }
        Self::of(BufReader::new(body))
    }

    fn of(from: impl BufRead + 'static) -> Result<Self> {
        let sum = Some(digest::Context::new(&digest::SHA256));
        let (part, announced) = (Vec::new(), Vec::new());
        let mut snapshot = Self { from: Box::new(from), length: 0, left: 0, part, read: 0, sum, announced };
        let (part, remaining) = snapshot.next().doing("get a snapshot from etcd")?;
        let length = remaining.checked_add(part.len() as u64 + SUM).ok_or_else(|| Error::new("its length can't be"))?;
        (snapshot.length, snapshot.left) = (length, length);
        snapshot.accept(part).doing("get a snapshot from etcd")?;
        Ok(snapshot)
    }

    /// Its length, with the sum at its end.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// One message: its bytes, and how many of the data follow.
    fn next(&mut self) -> io::Result<(Vec<u8>, u64)> {
        let mut line = Vec::new();
        self.from.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(wrong("it was cut"));
        }
        let message: Message = serde_json::from_slice(&line).map_err(|_| wrong("etcd sends something else"))?;
        if let Some(error) = message.error {
            let why: String = error["message"].as_str().unwrap_or("an error").chars().filter(|c| !c.is_control()).collect();
            return Err(wrong(&format!("etcd says: {why}")));
        }
        let part = message.result.ok_or_else(|| wrong("etcd sends something else"))?;
        let bytes = STANDARD.decode(part.blob).map_err(|_| wrong("etcd sends something else"))?;
        let remaining = if part.remaining_bytes.is_empty() { Ok(0) } else { part.remaining_bytes.parse() };
        Ok((bytes, remaining.map_err(|_| wrong("etcd sends something else"))?))
    }

    fn accept(&mut self, part: Vec<u8>) -> io::Result<()> {
        self.left = self.left.checked_sub(part.len() as u64).ok_or_else(|| wrong("more comes than etcd has announced"))?;
        let data = (self.left + part.len() as u64).saturating_sub(SUM).min(part.len() as u64) as usize;
        let (data, sum) = part.split_at_checked(data).unwrap_or((&part, &[]));
        if let Some(context) = &mut self.sum {
            context.update(data);
        }
        self.announced.extend_from_slice(sum);
        if self.left == 0 {
            let sum = self.sum.take().map(|context| hex(context.finish().as_ref())).unwrap_or_default();
            if sum != hex(&self.announced) {
                return Err(wrong("its sum is wrong"));
            }
        }
        (self.part, self.read) = (part, 0);
        Ok(())
    }
}

impl Read for Snapshot {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.read == self.part.len() {
            if self.left == 0 {
                return Ok(0);
            }
            let (part, _) = self.next()?;
            self.accept(part)?;
        }
        let there = self.part.get(self.read..).unwrap_or_default();
        let length = there.len().min(bytes.len());
        bytes.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        self.read += length;
        Ok(length)
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the snapshot is not whole: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn messages(data: &[u8], pieces: usize, wrong_sum: bool) -> Vec<String> {
        let mut sum = digest::digest(&digest::SHA256, data).as_ref().to_vec();
        sum[0] ^= u8::from(wrong_sum);
        let (mut lines, mut sent) = (Vec::new(), 0);
        for piece in data.chunks(pieces).chain([&sum[..]]) {
            sent += piece.len();
            let (blob, left) = (STANDARD.encode(piece), data.len().saturating_sub(sent));
            lines.push(format!("{{\"result\":{{\"header\":{{}},\"remaining_bytes\":\"{left}\",\"blob\":\"{blob}\"}}}}\n"));
        }
        lines
    }

    fn all(lines: &[String]) -> Result<Vec<u8>, String> {
        let mut snapshot = Snapshot::of(io::Cursor::new(lines.concat())).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        snapshot.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        assert_eq!(bytes.len() as u64, snapshot.length());
        Ok(bytes)
    }

    #[test]
    fn a_snapshot_is_its_data_and_their_sum() {
        let data: Vec<u8> = (0..1000).map(|at| at as u8).collect();
        for pieces in [1, 7, 999, 1000, 2000] {
            let bytes = all(&messages(&data, pieces, false)).unwrap();
            assert_eq!((&bytes[..1000], bytes.len()), (&data[..], 1032), "{pieces}");
        }
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let good = messages(&[5; 100], 30, false);
        for missing in 0..good.len() {
            let lines: Vec<String> = good.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, l)| l.clone()).collect();
            assert!(all(&lines).is_err(), "{missing}");
        }
        assert!(all(&messages(&[5; 100], 30, true)).unwrap_err().contains("its sum is wrong"));
        let error = "{\"error\":{\"code\":13,\"message\":\"no space\"}}\n".to_owned();
        assert!(all(&[good[0].clone(), error]).unwrap_err().contains("etcd says: no space"));
        assert!(all(&["<html>\n".to_owned()]).unwrap_err().contains("something else"));
    }
}
