//! A layer's bytes as they come: begun again where they were cut off, counted, and checked against their digest at the end.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kit::{Error, Kind, Result};
use oci_spec::image::Descriptor;
use ureq::BodyReader;

use super::endpoint::{cut, plain};
use super::remote::Remote;
use super::steady::{Steady, TRICKLE};
use crate::hash::Hash;
use crate::reference::{NO_DIGEST, is_digest};

/// Limit of a download's breaks without progress between them.
const BREAKS: u32 = 4;
/// The pause after the first break; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// A download.
pub struct Blob<'a> {
    remote: &'a Remote,
    digest: String,
    size: u64,
    stall: Duration,
    stop: &'a AtomicBool,
    done: &'a AtomicU64,
    body: Option<Steady<BodyReader<'static>>>,
    /// The server that gave the body, for messages.
    from: String,
    /// The body's length is known to be right.
    bounded: bool,
    have: u64,
    hash: Hash,
    breaks: u32,
    had_at_break: u64,
}

impl<'a> Blob<'a> {
    /// The blob of a descriptor. `done` is kept at the count of bytes that came; `stop` ends the download.
    pub fn new(
        remote: &'a Remote,
        descriptor: &Descriptor,
        stall: Duration,
        stop: &'a AtomicBool,
        done: &'a AtomicU64,
    ) -> Result<Self> {
        let digest = descriptor.digest().to_string();
        if !is_digest(&digest) {
            return Err(Error::of(Kind::Invalid, format!("digest {digest:?}: {NO_DIGEST}")));
        }
        Ok(Self {
            remote,
            hash: Hash::like(&digest),
            digest,
            size: descriptor.size(),
            stall,
            stop,
            done,
            body: None,
            from: String::new(),
            bounded: false,
            have: 0,
            breaks: 0,
            had_at_break: 0,
        })
    }

    /// Fill a part of `buffer`; 0 at the end of a blob that was found right.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.have < self.size {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::of(Kind::Internal, "the pull was given up"));
            }
            match self.try_read(buffer) {
                Ok(0) => self.broke(&Error::of(Kind::Unavailable, format!("{}: the connection was cut off", self.from)))?,
                Ok(count) => {
                    self.hash.update(&buffer[..count]);
                    self.have += count as u64;
                    self.done.store(self.have, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(fault) if fault.kind().is_remote() => self.broke(&fault)?,
                Err(fault) => return Err(fault),
            }
        }
        self.finish().map(|()| 0)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.body.is_none() {
            self.open()?;
        }
        let Some(body) = &mut self.body else { return Ok(0) };
        let room = usize::try_from(self.size - self.have).unwrap_or(usize::MAX).min(buffer.len());
        let count = loop {
            match body.read(&mut buffer[..room]) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let count = count.map_err(|e| {
            let (kind, is_slow) = (cut(&e), Kind::of_io(&e) == Kind::Unreachable);
            let why = match kind {
                Kind::Unreachable if !is_slow => format!("it stalls: nothing came for {} s", self.stall.as_secs()),
                _ => plain(&e),
            };
            Error::of(kind, format!("{}: {why}", self.from))
        })?;
        Ok(count)
    }

    /// Ask for what is missing: of the first server that has it.
    fn open(&mut self) -> Result<()> {
        let path = format!("blobs/{}", self.digest);
        let range = format!("bytes={}-", self.have);
        let headers: &[(&str, &str)] = if self.have > 0 { &[("Range", &range)] } else { &[] };
        let mut faults: Vec<Error> = Vec::new();
        for endpoint in self.remote.endpoints.iter().filter(|endpoint| endpoint.host.pulls) {
            let response = match endpoint.get(&path, headers) {
                Ok(response) => response,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            endpoint.name().clone_into(&mut self.from);
            let goes_on = response.status().as_u16() == 206;
            if goes_on && !begins_at(&response, self.have) {
                return Err(Error::of(Kind::Invalid, format!("{}: it goes on at another place than it was asked", self.from)));
            }
            let expected = if goes_on { self.size - self.have } else { self.size };
            let told = response.body().content_length();
            if let Some(told) = told.filter(|told| *told != expected) {
                let text = format!("{}: blob {} has {told} bytes there, {expected} were expected", self.from, self.digest);
                return Err(Error::of(Kind::Invalid, text));
            }
            self.bounded = told.is_some();
            let mut body = Steady::new(response.into_body().into_reader(), self.stall);
            if !goes_on && self.have > 0 {
                // It can't go on: what we have comes once more.
                let again = std::io::copy(&mut (&mut body).take(self.have), &mut std::io::sink());
                again.map_err(|e| Error::of(Kind::Unavailable, format!("{}: {}", self.from, plain(&e))))?;
            }
            self.body = Some(body);
            return Ok(());
        }
        let last = faults.pop().unwrap_or_else(|| Error::of(Kind::Invalid, "no server of hosts.toml may be asked for blobs"));
        Err(faults.into_iter().rev().fold(last, |all, fault| Error::of(all.kind(), format!("{fault}; {all}"))))
    }

    /// A download broke: pause and go on, unless it broke too often at the same place.
    fn broke(&mut self, fault: &Error) -> Result<()> {
        self.body = None;
        // A server that gives a few bytes each time does not get on either.
        if self.have >= self.had_at_break + TRICKLE {
            self.breaks = 0;
        }
        self.had_at_break = self.have;
        self.breaks += 1;
        if self.breaks >= BREAKS {
            let text = format!("{} ({} of {} bytes of blob {} came)", fault.message(), self.have, self.size, self.digest);
            return Err(Error::of(fault.kind(), text));
        }
        let pause = Instant::now() + PAUSE * 2u32.pow(self.breaks - 1);
        while Instant::now() < pause && !self.stop.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(mut body) = self.body.take() {
            // A connection that breaks now has given all that we wanted.
            if !self.bounded && body.read(&mut [0]).unwrap_or(0) > 0 {
                let text = format!("{}: blob {} is longer than its {} bytes", self.from, self.digest, self.size);
                return Err(Error::of(Kind::Invalid, text));
            }
            // Read to its end, a connection can be used again.
            let _ = body.read(&mut [0]);
        }
        let found = std::mem::replace(&mut self.hash, Hash::like(&self.digest)).digest();
        if found == self.digest {
            return Ok(());
        }
        Err(Error::of(Kind::Invalid, format!("{}: what it gives for blob {} has digest {found}", self.from, self.digest)))
    }
}

/// Tells if a partial response begins where it should: `Content-Range: bytes 7-99/100`.
fn begins_at(response: &ureq::http::Response<ureq::Body>, at: u64) -> bool {
    let value = response.headers().get("Content-Range").and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("bytes ")?.split('-').next()?.trim().parse::<u64>().ok()) == Some(at)
}
