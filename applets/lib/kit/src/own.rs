//! Our own file, out of reach of what runs in containers.
//!
//! A process that is on its way into a container is still this program, and what it executes there may be
//! `/proc/self/exe`: through that link a container could overwrite the file that is run on the host next time
//! (CVE-2019-5736). So whoever enters containers first starts again by way of a read-only mount of its file that hangs
//! nowhere and that nobody can reach to change it. That costs one exec, no memory and no copy; where the file's mount
//! can't be cloned, a sealed copy in memory does it. On a node the file is run by way of such a mount from the beginning:
//! PID 1 sees to it.

use crate::{Context, Error, Result};

/// Start again from a file that nobody can write through, unless that was done.
pub fn protect() -> Result<()> {
    if sys::own::is_protected().on("look at", "/proc/self/exe")? {
        return sys::own::take_name().doing("name this process");
    }
    let file = sys::own::read_only().or_else(|_| sys::own::sealed_copy()).doing("protect this program's file")?;
    crate::call::keep_report()?;
    Err(Error::new(format!("start again from a protected file: {}", sys::own::become_file(&file))))
}
