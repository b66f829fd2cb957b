//! Command and process substitution.

use crate::ast::{Bytes, Kind, List, RedirectKind};
use crate::shell::{Done, Flow, Shell, cause};
use sys::descriptor;

impl Shell {
    /// Output of commands, without the ends of lines at its end.
    pub fn command_output(&mut self, list: &List) -> Result<Bytes, Flow> {
        let mut text = match self.only_file(list)? {
            Some(text) => text,
            None => self.forked_output(list)?,
        };
        while text.last() == Some(&b'\n') {
            text.pop();
        }
        text.retain(|byte| *byte != 0);
        Ok(text)
    }

    /// Content of the file in `$(<file)`.
    fn only_file(&mut self, list: &List) -> Result<Option<Bytes>, Flow> {
        let [item] = list.items.as_slice() else { return Ok(None) };
        let [command] = item.first.commands.as_slice() else { return Ok(None) };
        let Kind::Simple(simple) = &command.kind else { return Ok(None) };
        let [redirect] = command.redirects.as_slice() else { return Ok(None) };
        let alone = simple.words.is_empty() && simple.assigns.is_empty() && !item.background;
        let read = redirect.kind == RedirectKind::Read && redirect.from == crate::ast::From::Usual;
        if !alone || !read || !item.rest.is_empty() || item.first.negated {
            return Ok(None);
        }
        let name = self.redirect_name(&redirect.word)?;
        let path = std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&name));
        match std::fs::read(path) {
            Ok(text) => {
                self.substituted = Some(0);
                Ok(Some(text))
            }
            Err(e) => {
                self.complain_open(&name, &e);
                self.substituted = Some(1);
                Ok(Some(Bytes::new()))
            }
        }
    }

    fn forked_output(&mut self, list: &List) -> Result<Bytes, Flow> {
        let (read, write) = match descriptor::pipe() {
            Ok(ends) => ends,
            Err(e) => return self.fail(format!("make a pipe: {}", cause(&e))),
        };
        let child = self.fork(|shell| {
            shell.level += 1;
            descriptor::close(read);
            let _ = descriptor::copy_to(write, 1);
            descriptor::close(write);
            if !shell.posix() && !shell.shopt.inherit_errexit {
                shell.set.errexit = false;
            }
            shell.list_in_fork(list)
        });
        descriptor::close(write);
        let child = match child {
            Ok(child) => child,
            Err(flow) => {
                descriptor::close(read);
                return Err(flow);
            }
        };
        let text = read_all(read);
        descriptor::close(read);
        let status = Self::wait_for_process(child);
        self.substituted = Some(status);
        if self.bash {
            self.status = status;
        }
        if status == 130 && self.interactive {
            return Err(Flow::Interrupt);
        }
        Ok(text)
    }

    /// Name of a pipe to a process that runs the commands.
    pub fn process_name(&mut self, output: bool, list: &List) -> Result<Bytes, Flow> {
        let (read, write) = match descriptor::pipe() {
            Ok(ends) => ends,
            Err(e) => return self.fail(format!("make a pipe: {}", cause(&e))),
        };
        let (ours, theirs) = if output { (write, read) } else { (read, write) };
        let child = self.fork(|shell| {
            descriptor::close(ours);
            let _ = descriptor::copy_to(theirs, i32::from(!output));
            descriptor::close(theirs);
            shell.list_in_fork(list)
        });
        descriptor::close(theirs);
        let child = child?;
        // A number that scripts don't use.
        let number = descriptor::copy_above(ours, 60).unwrap_or(ours);
        if number != ours {
            descriptor::close(ours);
        }
        descriptor::set_close_on_exec(number, false);
        self.processes.push((number, child));
        self.jobs.last = Some(child);
        self.jobs.add_silent(child);
        Ok(format!("/dev/fd/{number}").into_bytes())
    }

    /// Closes the pipes of process substitutions that were made since there were `before`.
    pub fn close_processes(&mut self, before: usize) {
        for (number, _) in self.processes.drain(before.min(self.processes.len())..) {
            descriptor::close(number);
        }
    }

    /// Runs a list as all that a forked shell does.
    pub fn list_in_fork(&mut self, list: &List) -> Done {
        self.list(list, true)
    }
}

/// All that comes out of a pipe.
fn read_all(read: i32) -> Bytes {
    let mut text = Bytes::new();
    let mut buffer = [0; 4096];
    loop {
        match descriptor::read(read, &mut buffer) {
            Ok(0) => return text,
            Ok(len) => text.extend_from_slice(buffer.get(..len).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return text,
        }
    }
}
