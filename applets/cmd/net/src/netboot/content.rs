//! Content of a response: bytes in memory, a file, or a file with a changed beginning and something
//! behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A content of known length, read at any place.
#[derive(Debug)]
pub struct Content {
    /// Stands in the place of the file's first bytes.
    head: Vec<u8>,
    /// The file, and where it ends for us.
    file: Option<(File, u64)>,
    /// Behind it.
    tail: Vec<u8>,
}

impl Content {
    /// Of bytes.
    pub const fn bytes(bytes: Vec<u8>) -> Self {
        Self { head: Vec::new(), file: None, tail: bytes }
    }

    /// Of a whole file.
    pub fn file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { head: Vec::new(), file: Some((file, len)), tail: Vec::new() })
    }

    /// Of a file up to `end`, with other bytes for its first ones, and more behind it.
    pub const fn changed(head: Vec<u8>, file: File, end: u64, tail: Vec<u8>) -> Self {
        Self { head, file: Some((file, end)), tail }
    }

    fn end_of_file(&self) -> u64 {
        self.file.as_ref().map_or(0, |(_, end)| *end)
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.end_of_file() + self.tail.len() as u64
    }

    /// Fill `buffer` with what begins at `at`; less at the end alone.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let read = self.some_at(&mut buffer[done..], at + done as u64)?;
            if read == 0 {
                break;
            }
            done += read;
        }
        Ok(done)
    }

    fn some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let end = self.end_of_file();
        let from = |bytes: &[u8], at: u64, buffer: &mut [u8]| {
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            len
        };
        if at >= end {
            return Ok(from(&self.tail, at - end, buffer));
        }
        if at < self.head.len() as u64 {
            return Ok(from(&self.head, at, buffer));
        }
        let Some((file, _)) = &self.file else { return Ok(0) };
        let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        match file.read_at(&mut buffer[..len], at)? {
            0 => Err(io::Error::other("the file has become shorter")),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_parts_are_one() {
        let path = std::env::temp_dir().join(format!("kutties-content-{}", std::process::id()));
        std::fs::write(&path, b"0123456789").unwrap();
        let open = || File::open(&path).unwrap();
        let all = |content: &Content| {
            let mut buffer = vec![0; 100];
            let len = content.read_at(&mut buffer, 0).unwrap();
            assert_eq!(len as u64, content.len());
            String::from_utf8(buffer[..len].to_vec()).unwrap()
        };
        assert_eq!(all(&Content::file(open()).unwrap()), "0123456789");
        assert_eq!(all(&Content::bytes(b"abc".to_vec())), "abc");
        let changed = Content::changed(b"ab".to_vec(), open(), 8, b"xyz".to_vec());
        assert_eq!(all(&changed), "ab234567xyz");
        let mut three = [0; 3];
        assert_eq!((changed.read_at(&mut three, 7).unwrap(), &three), (3, b"7xy"));
        assert_eq!(changed.read_at(&mut three, 11).unwrap(), 0);
        let short = Content::changed(Vec::new(), open(), 20, Vec::new());
        assert!(short.read_at(&mut [0; 100], 0).is_err(), "a file that shrinks is an error");
        std::fs::remove_file(path).unwrap();
    }
}
