//! Blocks of bytes from one thread to another: whoever downloads, whoever decompresses and whoever unpacks never wait for each
//! other's network, processor or disk as long as a few blocks lie between them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// A block's size in bytes: large enough that handing it over costs nothing beside filling it.
pub const BLOCK: usize = 128 << 10;
/// Limit of blocks between the two threads: a MiB a layer.
const BLOCKS: usize = 8;

/// The end that blocks are put into.
pub struct Writer {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

/// The end that is read. The writer's end being dropped is the end of the stream.
pub struct Reader {
    full: Receiver<Vec<u8>>,
    empty: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
}

/// Both ends.
pub fn pipe() -> (Writer, Reader) {
    let (full, filled) = sync_channel(BLOCKS);
    let (empty, emptied) = sync_channel(BLOCKS + 2);
    (Writer { full, empty: emptied }, Reader { full: filled, empty, block: Vec::new(), at: 0 })
}

impl Writer {
    /// An empty block: one that was read, or a new one.
    pub fn block(&self) -> Vec<u8> {
        self.empty.try_recv().unwrap_or_else(|_| vec![0; BLOCK])
    }

    /// Hand over a block with its length; false when nobody reads any more.
    pub fn put(&self, mut block: Vec<u8>, length: usize) -> bool {
        block.truncate(length);
        self.full.send(block).is_ok()
    }
}

/// Hand over all of a stream; its end, or nobody reading any more, is the end of it.
pub fn forward(mut from: impl Read, to: &Writer) -> io::Result<()> {
    loop {
        let mut block = to.block();
        let length = fill(&mut from, &mut block)?;
        let is_last = length < block.len();
        if length > 0 && !to.put(block, length) || is_last {
            return Ok(());
        }
    }
}

/// Read until the block is full or the stream has ended; how many bytes it was.
fn fill(from: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < block.len() {
        match from.read(&mut block[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut block = self.block();
        let length = bytes.len().min(block.len());
        block[..length].copy_from_slice(&bytes[..length]);
        if self.put(block, length) { Ok(length) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            let Ok(next) = self.full.recv() else { return Ok(0) };
            let mut used = std::mem::replace(&mut self.block, next);
            self.at = 0;
            if used.capacity() >= BLOCK {
                used.resize(BLOCK, 0);
                // With all blocks on the way already, this one is given back to the allocator.
                let _ = self.empty.try_send(used);
            }
        }
        let count = buffer.len().min(self.block.len() - self.at);
        buffer[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
