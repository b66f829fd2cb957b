//! The person's terminal, lent to a machine's serial console.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use kit::{Context, Result};
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// Control and `]`, as telnet's: the way out that no program in the guest needs.
const LEAVE: u8 = 0x1d;

/// Keys go to the machine as they are typed while this lives; then the terminal is as before.
pub struct Terminal {
    before: Termios,
    /// Receiver of keys; none while the lab types by itself.
    to: Arc<Mutex<Option<UnixStream>>>,
}

impl Terminal {
    /// Take the terminal. `leave` is told when the person types Ctrl-] or the terminal is gone.
    pub fn take(leave: Sender<()>) -> Result<Self> {
        let before = tcgetattr(rustix::stdio::stdin()).doing("read the terminal's settings")?;
        let mut raw = before.clone();
        // Output stays as it is, so that our own lines look right as well.
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::ICRNL | InputModes::IXON | InputModes::BRKINT;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).doing("set the terminal")?;
        let to = Arc::new(Mutex::new(None));
        let target = Arc::clone(&to);
        thread::spawn(move || keys(&target, &leave));
        Ok(Self { before, to })
    }

    /// From now on keys go there.
    pub fn lend(&self, to: UnixStream) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

fn keys(to: &Mutex<Option<UnixStream>>, leave: &Sender<()>) {
    let mut typed = [0; 256];
    while let Ok(count @ 1..) = io::stdin().read(&mut typed) {
        let keys = &typed[..count];
        if keys.contains(&LEAVE) {
            break;
        }
        if let Some(to) = to.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A machine that is off takes no keys; the lab notices that by itself.
            let _ = io::Write::write_all(to, keys);
        }
    }
    // The lab may be ending already.
    let _ = leave.send(());
}
