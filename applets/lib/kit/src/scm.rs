//! Descriptors that travel over a Unix socket beside bytes (`SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Result;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Most descriptors beside one message. The kernel closes those beyond.
pub const MOST: usize = 4;

/// Sends bytes with descriptors beside the first of them; the number of bytes that the socket took.
pub fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fits = fds.len() <= MOST && (fds.is_empty() || beside.push(SendAncillaryMessage::ScmRights(fds)));
    if !fits {
        return Err(rustix::io::Errno::MSGSIZE);
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL)
}

/// Receives bytes, and the descriptors beside them, which an exec closes.
pub fn receive(socket: impl AsFd, bytes: &mut [u8]) -> Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)?.bytes;
    let mut fds = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            fds.extend(came);
        }
    }
    Ok((got, fds))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_comes_beside_its_bytes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut read, write) = std::io::pipe().unwrap();
        assert_eq!(send(&ours, b"here", &[write.as_fd()]).unwrap(), 4);
        assert_eq!(send(&ours, b"!", &[]).unwrap(), 1);
        drop(write);
        let mut bytes = [0; 16];
        let (count, mut fds) = receive(&theirs, &mut bytes).unwrap();
        assert!(bytes[..count].starts_with(b"here") && fds.len() == 1);
        std::fs::File::from(fds.remove(0)).write_all(b"x").unwrap();
        let mut all = Vec::new();
        read.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"x");
        assert_eq!(send(&ours, b"", &[ours.as_fd(); MOST + 1]), Err(rustix::io::Errno::MSGSIZE));
    }
}
