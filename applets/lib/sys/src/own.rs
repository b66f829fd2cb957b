//! The running program's own file, behind a mount that nobody can write through.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, SealFlags};

use crate::mount;

/// The running program, even after its file was replaced.
const SELF: &str = "/proc/self/exe";

/// Number of tries to seal a copy in memory before that fails, and the pause between them.
const SEAL_TRIES: u32 = 30;
const SEAL_PAUSE: Duration = Duration::from_millis(50);

/// Tells if our file can't be written to by way of `/proc/PID/exe`.
pub fn is_protected() -> io::Result<bool> {
    let file = rustix::fs::open(SELF, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let sealed = rustix::fs::fcntl_get_seals(&file).is_ok_and(|seals| seals.contains(SealFlags::WRITE));
    Ok(sealed || mount::is_read_only(&file)?)
}

/// Take our name back: an exec by descriptor names the process after the number.
pub fn take_name() -> io::Result<()> {
    Ok(rustix::thread::set_name(c"kutties")?)
}

/// Our file by way of a read-only mount that hangs nowhere. It is safe only once no descriptor to it is left: until then
/// the mount can be changed by whoever gets hold of it, afterwards by nobody.
pub fn read_only() -> io::Result<OwnedFd> {
    mount::read_only_clone(CWD, SELF)
}

/// A copy of our file in memory that can't be changed any more.
pub fn sealed_copy() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut copy = File::from(rustix::fs::memfd_create(c"kutties", flags | MemfdFlags::EXEC).or_else(|e| {
        // Before Linux 6.3 there is no such flag and every one may be executed.
        if e == rustix::io::Errno::INVAL { rustix::fs::memfd_create(c"kutties", flags) } else { Err(e) }
    })?);
    io::copy(&mut File::open(SELF)?, &mut copy)?;
    seal(&copy)?;
    Ok(copy.into())
}

/// Seals the copy. A page that is held for a moment, as by the kernel when it moves memory about,
/// prevents that. The kernel itself waits some 150 ms for such pages; on a busy machine that is not
/// always enough.
fn seal(copy: &File) -> rustix::io::Result<()> {
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    for _ in 1..SEAL_TRIES {
        match rustix::fs::fcntl_add_seals(copy, seals) {
            Err(rustix::io::Errno::BUSY) => std::thread::sleep(SEAL_PAUSE),
            done => return done,
        }
    }
    rustix::fs::fcntl_add_seals(copy, seals)
}

/// Become the program that a descriptor leads to, with our arguments and environment. Returns only what went wrong.
pub fn become_file(program: &OwnedFd) -> io::Error {
    let text = |bytes: Vec<u8>| CString::new(bytes).map_err(io::Error::from);
    let args = std::env::args_os().map(|arg| text(arg.into_vec())).collect::<io::Result<Vec<_>>>();
    let env = std::env::vars_os().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        text(name.into_vec())
    });
    match args.and_then(|args| Ok((args, env.collect::<io::Result<Vec<_>>>()?))) {
        Ok((args, env)) => match nix::unistd::fexecve(program.as_fd(), &args, &env) {
            Ok(never) => match never {},
            Err(e) => e.into(),
        },
        Err(e) => e,
    }
}

/// End at once, without running what waits for the end of a program.
pub fn leave(code: i32) -> ! {
    // SAFETY: it does not return, and nothing of ours is needed any more.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_sealed_copy_is_ours_and_stays_so() {
        let copy = File::from(sealed_copy().unwrap());
        assert_eq!(copy.metadata().unwrap().len(), std::fs::metadata(SELF).unwrap().len());
        assert!(rustix::io::pwrite(&copy, b"x", 0).is_err());
        assert!(copy.set_len(0).is_err());
        assert!(!is_protected().unwrap());
    }

    #[test]
    fn a_seal_waits_for_whoever_holds_a_page() {
        use rustix::io::Errno;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut copy = File::from(rustix::fs::memfd_create(c"held", flags).unwrap());
        io::Write::write_all(&mut copy, &[1; 4096]).unwrap();
        // The pipe holds the page itself, not a copy of it.
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::pipe::splice(&copy, Some(&mut 0), &write, None, 4096, rustix::pipe::SpliceFlags::empty()).unwrap();
        assert_eq!(rustix::fs::fcntl_add_seals(&copy, SealFlags::WRITE), Err(Errno::BUSY));
        let holder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop((read, write));
        });
        assert_eq!(seal(&copy), Ok(()));
        holder.join().unwrap();
        // An error that a retry cannot mend is reported.
        assert_eq!(seal(&copy), Err(Errno::PERM));
    }
}
