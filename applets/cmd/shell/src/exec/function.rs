//! Calls of functions, and files that are read as commands.

use crate::ast::{Bytes, Redirect, Simple};
use crate::builtins::Call;
use crate::redirect::{Failed, Saved};
use crate::shell::{Defined, Done, Flow, Frame, Shell};
use crate::trap::RETURN;

impl Shell {
    /// Calls a function.
    pub(super) fn call_function(&mut self, simple: &Simple, redirects: &[Redirect], defined: &Defined, call: Call) -> Done {
        let mut saved = Saved::default();
        let redirected = self.redirect(redirects, Some(&mut saved));
        if let Err(failed) = redirected {
            saved.restore();
            return match failed {
                Failed::Said => Ok(1),
                Failed::Out(flow) => Err(flow),
            };
        }
        self.vars.push_scope();
        let done = match self.assign_for_call(&simple.assigns) {
            Ok(()) => self.function_body(defined, call),
            Err(flow) => Err(flow),
        };
        self.end_scope();
        saved.restore();
        done
    }

    fn function_body(&mut self, defined: &Defined, mut call: Call) -> Done {
        let limit = self.var(b"FUNCNEST").and_then(|text| crate::arith::decimal(&text));
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(i64::from(super::DEEPEST));
        if i64::from(self.depth) >= limit {
            return self.fail("maximum function nesting level exceeded");
        }
        let name = call.words.remove(0);
        let args = std::mem::replace(&mut self.args, call.words);
        let loops = std::mem::take(&mut self.loops);
        self.frames.push(Frame { name, source: defined.source.clone(), line: self.line, function: true });
        self.depth += 1;
        // Variables of the function are hidden in a scope of its own, behind those in front of the call.
        self.vars.push_scope();
        let line = self.line;
        let function = std::rc::Rc::clone(&defined.function);
        let done = self.command(&function.body, false, b"");
        let done = match done {
            Err(Flow::Return(status)) => Ok(status),
            other => other,
        };
        if let Ok(status) = done {
            self.status = status;
        }
        let trapped = self.run_condition(RETURN);
        self.end_scope();
        self.depth -= 1;
        self.frames.pop();
        self.line = line;
        self.loops = loops;
        self.args = args;
        trapped?;
        done
    }

    /// Reads a file as commands, with other arguments where some are given.
    pub fn source(&mut self, name: &[u8], path: &[u8], args: Option<Vec<Bytes>>) -> Done {
        let text = match std::fs::read(std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path)))
        {
            Ok(text) => text,
            Err(e) => {
                self.complain_open(name, &e);
                return Err(Flow::Fail(if self.bash { 1 } else { 2 }));
            }
        };
        let swapped = args.map(|args| std::mem::replace(&mut self.args, args));
        let loops = self.loops;
        let line = self.line;
        self.frames.push(Frame { name: b"source".to_vec(), source: path.to_vec(), line, function: false });
        let done = self.run_text(&text, 1);
        self.frames.pop();
        self.line = line;
        self.loops = loops;
        if let Some(args) = swapped {
            self.args = args;
        }
        match done {
            Err(Flow::Return(status)) => {
                self.status = status;
                Ok(status)
            }
            other => other,
        }
    }
}
