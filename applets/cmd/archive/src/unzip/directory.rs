//! The list of members at the end of a zip archive, see APPNOTE.TXT of PKWARE.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use jiff::civil;
use jiff::tz::TimeZone;

/// Bytes at the end in which the list's last record lies: its comment has at most 65,535.
const TAIL: u64 = 22 + 65_535;
/// Bytes of a list: a million members and more. A hostile archive must not fill the memory.
const MAX_LIST: u64 = 256 << 20;

/// A member.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) method: u16,
    pub(super) encrypted: bool,
    pub(super) sum: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Place of its own header.
    pub(super) at: u64,
    /// Sort and permissions, when a Unix program made it.
    pub(super) mode: Option<u32>,
    /// Time as DOS has it.
    dos: (u16, u16),
    /// Seconds since 1970, where they are told.
    stamp: Option<i64>,
}

impl Entry {
    pub(super) fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    pub(super) fn is_link(&self) -> bool {
        self.mode.is_some_and(|mode| mode >> 12 == 0o12)
    }

    fn civil(&self) -> Option<civil::DateTime> {
        let (time, date) = self.dos;
        let part = |value: u16, shift: u16, bits: u16| ((value >> shift) & ((1 << bits) - 1)) as i8;
        let year = 1980 + (date >> 9) as i16;
        let second = (part(time, 0, 5) * 2).min(59);
        civil::DateTime::new(year, part(date, 5, 4), part(date, 0, 5), part(time, 11, 5), part(time, 5, 6), second, 0).ok()
    }

    /// Seconds since 1970; DOS's time is local.
    pub(super) fn seconds(&self) -> i64 {
        let zone = || TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let local = || self.civil().and_then(|civil| civil.to_zoned(zone()).ok()).map(|at| at.timestamp().as_second());
        self.stamp.or_else(local).unwrap_or(0)
    }

    /// `2026-12-01 02:27`.
    pub(super) fn time_text(&self) -> String {
        let zone = || TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let told = self.stamp.and_then(|stamp| jiff::Timestamp::from_second(stamp).ok()).map(|at| at.to_zoned(zone()).datetime());
        let Some(at) = told.or_else(|| self.civil()) else { return "1980-00-00 00:00".to_owned() };
        format!("{:04}-{:02}-{:02} {:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute())
    }

    /// The name without what a terminal would take for a command.
    pub(super) fn shown(&self) -> Vec<u8> {
        let shown = |byte: &u8| if byte.is_ascii_control() { vec![b'^', *byte ^ 64] } else { vec![*byte] };
        self.name.iter().flat_map(shown).collect()
    }

    pub(super) const fn method_name(&self) -> &'static str {
        match self.method {
            0 => "Stored",
            8 => "Defl:N",
            9 => "Def64:",
            12 => "BZip2 ",
            14 => "LZMA  ",
            93 => "Zstd  ",
            95 => "XZ    ",
            _ => "Unk:  ",
        }
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

/// Little-endian numbers of a record, which must be long enough.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn short(&self, at: usize) -> io::Result<u16> {
        let bytes = self.0.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u16::from_le_bytes).ok_or_else(|| bad("a record is cut off"))
    }

    fn long(&self, at: usize) -> io::Result<u32> {
        let bytes = self.0.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or_else(|| bad("a record is cut off"))
    }

    fn huge(&self, at: usize) -> io::Result<u64> {
        Ok(u64::from(self.long(at)?) | u64::from(self.long(at + 4)?) << 32)
    }
}

/// All members, in the order of the list.
pub(super) fn read(file: &File) -> io::Result<Vec<Entry>> {
    let len = file.metadata()?.len();
    let tail_at = len.saturating_sub(TAIL);
    let mut tail = vec![0; (len - tail_at) as usize];
    file.read_exact_at(&mut tail, tail_at)?;
    let end = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06");
    let end = end.ok_or_else(|| bad("the end of the list is not found: this is no zip archive, or it is cut off"))?;
    let record = Fields(&tail[end..]);
    let end_at = tail_at + end as u64;
    let (mut count, mut size, mut at) = (u64::from(record.short(10)?), u64::from(record.long(12)?), u64::from(record.long(16)?));
    let mut list_end = end_at;
    if let Some(locator) = end.checked_sub(20).and_then(|at| tail.get(at..end)).filter(|bytes| bytes.starts_with(b"PK\x06\x07"))
        && (count == 0xffff || size == 0xffff_ffff || at == 0xffff_ffff)
    {
        let place = Fields(locator).huge(8)?;
        let mut bytes = [0; 56];
        file.read_exact_at(&mut bytes, place)?;
        if !bytes.starts_with(b"PK\x06\x06") {
            return Err(bad("the end of the zip64 list is not found"));
        }
        let record = Fields(&bytes);
        (count, size, at) = (record.huge(32)?, record.huge(40)?, record.huge(48)?);
        list_end = place;
    }
    // Something may stand before the archive, such as a program that unpacks it: all places are off by that.
    let start = list_end.checked_sub(size).ok_or_else(|| bad("the list is longer than the archive"))?;
    let before = start.checked_sub(at).ok_or_else(|| bad("the list lies behind its end"))?;
    if size > MAX_LIST {
        return Err(bad("the list is too long"));
    }
    let mut list = vec![0; size as usize];
    file.read_exact_at(&mut list, start)?;
    let mut all = Vec::new();
    let mut rest = list.as_slice();
    for _ in 0..count {
        let (entry, used) = entry(rest, before)?;
        all.push(entry);
        rest = &rest[used..];
    }
    Ok(all)
}

fn entry(bytes: &[u8], before: u64) -> io::Result<(Entry, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return Err(bad("the list is damaged"));
    }
    let fields = Fields(bytes);
    let len = |at: usize| fields.short(at).map(usize::from);
    let (name, extra, comment) = (len(28)?, len(30)?, len(32)?);
    let cut = || bad("a record is cut off");
    let name_bytes: &[u8] = bytes.get(46..46 + name).ok_or_else(cut)?;
    let extra_bytes: &[u8] = bytes.get(46 + name..46 + name + extra).ok_or_else(cut)?;
    let used = 46 + name + extra + comment;
    if bytes.len() < used {
        return Err(cut());
    }
    let by_unix = matches!(bytes[5], 3 | 19);
    let mode = fields.long(38)? >> 16;
    let mut entry = Entry {
        name: name_bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
        method: fields.short(10)?,
        encrypted: fields.short(8)? & 1 != 0,
        sum: fields.long(16)?,
        packed: fields.long(20)?.into(),
        size: fields.long(24)?.into(),
        at: fields.long(42)?.into(),
        mode: Some(mode).filter(|mode| by_unix && *mode != 0),
        dos: (fields.short(12)?, fields.short(14)?),
        stamp: None,
    };
    extras(&mut entry, extra_bytes)?;
    entry.at = entry.at.checked_add(before).ok_or_else(cut)?;
    if !by_unix && bytes[5] == 0 {
        // DOS programs of old took the other slash.
        entry.name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    Ok((entry, used))
}

/// Fields of 64 bits, and the time in seconds.
fn extras(entry: &mut Entry, mut rest: &[u8]) -> io::Result<()> {
    while rest.len() >= 4 {
        let head = Fields(rest);
        let len = usize::from(head.short(2)?);
        let Some(body) = rest.get(4..4 + len) else { return Ok(()) };
        let fields = Fields(body);
        match head.short(0)? {
            1 => {
                let mut at = 0;
                for value in [&mut entry.size, &mut entry.packed, &mut entry.at] {
                    if *value == 0xffff_ffff {
                        *value = fields.huge(at)?;
                        at += 8;
                    }
                }
            }
            0x5455 if body.first().is_some_and(|flags| flags & 1 != 0) && body.len() >= 5 => {
                entry.stamp = Some(i64::from(fields.long(1)?.cast_signed()));
            }
            _ => {}
        }
        rest = &rest[4 + len..];
    }
    Ok(())
}

/// Place of a member's data, behind its own header.
pub(super) fn data_at(file: &File, entry: &Entry) -> io::Result<u64> {
    let mut bytes = [0; 30];
    file.read_exact_at(&mut bytes, entry.at)?;
    if !bytes.starts_with(b"PK\x03\x04") {
        return Err(bad("its header is not where the list tells"));
    }
    let fields = Fields(&bytes);
    Ok(entry.at + 30 + u64::from(fields.short(26)?) + u64::from(fields.short(28)?))
}
