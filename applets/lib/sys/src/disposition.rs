//! Signals as a shell's traps take them: a handler notes the number, the program looks when it is ready.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use libc::c_int;

/// One more than the highest signal number of Linux on x86 and ARM.
const COUNT: usize = 65;

/// Numbers that came and were not taken yet.
static CAME: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
/// Quick answer to "did anything come?".
static ANY: AtomicBool = AtomicBool::new(false);
/// Last number that came, for who wants to tell an interruption's cause.
static LAST: AtomicI32 = AtomicI32::new(0);

/// Async-signal-safe: it stores into atomics alone.
extern "C" fn note(number: c_int) {
    if let Some(came) = usize::try_from(number).ok().and_then(|at| CAME.get(at)) {
        came.store(true, Ordering::Relaxed);
        LAST.store(number, Ordering::Relaxed);
        ANY.store(true, Ordering::Release);
    }
}

/// Effects of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The system's own.
    Default,
    /// None.
    Ignore,
    /// It is noted for [`take`], and ends calls that wait.
    Note,
}

/// Sets the effect of a signal. One that can't be changed stays as it is.
pub fn set(number: c_int, effect: Effect) {
    let handler = match effect {
        Effect::Default => libc::SIG_DFL,
        Effect::Ignore => libc::SIG_IGN,
        Effect::Note => note as extern "C" fn(c_int) as usize,
    };
    // SAFETY: all zero bytes are an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // SAFETY: the structure outlives the call, and the handler is async-signal-safe.
    unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) };
}

/// True when the signal is ignored now.
pub fn is_ignored(number: c_int) -> bool {
    // SAFETY: all zero bytes are a valid structure.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the call only fills the structure.
    let done = unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) };
    done == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// True when a noted signal waits to be taken.
pub fn any() -> bool {
    ANY.load(Ordering::Acquire)
}

/// Signals that came since the last call, in the order of their numbers.
pub fn take() -> Vec<c_int> {
    if !ANY.swap(false, Ordering::AcqRel) {
        return Vec::new();
    }
    let came = CAME.iter().enumerate().filter(|(_, came)| came.swap(false, Ordering::Relaxed));
    came.map(|(number, _)| number as c_int).collect()
}

/// Takes one signal; true when it had come.
pub fn take_one(number: c_int) -> bool {
    let at = usize::try_from(number).ok();
    at.and_then(|at| CAME.get(at)).is_some_and(|came| came.swap(false, Ordering::Relaxed))
}

/// Signals held back until it is dropped, so that nothing comes between a look and a wait.
pub struct Held {
    before: libc::sigset_t,
}

/// Holds all signals back.
///
/// # Errors
/// As sigprocmask(2).
pub fn hold() -> io::Result<Held> {
    // SAFETY: all zero bytes are a valid, empty set.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: all zero bytes are a valid, empty set.
    let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: it only fills the set.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets outlive the call.
    match unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut before) } {
        0 => Ok(Held { before }),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Held {
    /// Lets signals through until one came that has a handler.
    pub fn wait(&self) {
        // SAFETY: the set outlives the call.
        unsafe { libc::sigsuspend(&raw const self.before) };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the set outlives the call.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
    }
}

/// Lets all signals through, whatever the caller of this process held back.
pub fn release_all() {
    // SAFETY: all zero bytes are a valid, empty set.
    let none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

/// Sends a signal to a process, or with a negative number to a process group; 0 only asks.
///
/// # Errors
/// As kill(2).
pub fn send(process: c_int, number: c_int) -> io::Result<()> {
    // SAFETY: plain numbers.
    match unsafe { libc::kill(process, number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// True when a signal came and was not taken yet.
pub fn has_come(number: c_int) -> bool {
    let at = usize::try_from(number).ok();
    at.and_then(|at| CAME.get(at)).is_some_and(|came| came.load(Ordering::Relaxed))
}
