//! `hash`

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, shown};

/// `hash [-lr] [-p PATH] [-dt] [NAME…]`
pub fn hash(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"lrdtp:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let names = call.args().get(options.words..).unwrap_or_default();
    if options.has(b'r') {
        shell.hash.clear();
        return Ok(0);
    }
    if names.is_empty() {
        let mut text = Bytes::new();
        if shell.bash && !shell.hash.is_empty() && !options.has(b'l') {
            text.extend_from_slice(b"hits\tcommand\n");
        }
        for (name, (path, hits)) in &shell.hash {
            text.extend(match (options.has(b'l'), shell.bash) {
                (true, _) => [b"builtin hash -p ", path.as_slice(), b" ", name, b"\n"].concat(),
                (_, true) => [format!("{hits:4}\t").as_bytes(), path, b"\n"].concat(),
                _ => [path.as_slice(), b"\n"].concat(),
            });
        }
        return Ok(shell.print(b"hash", &text));
    }
    let mut status = 0;
    let mut text = Bytes::new();
    for name in names {
        if let Some(path) = options.argument(b'p') {
            shell.hash.insert(name.clone(), (path.clone(), 0));
        } else if options.has(b'd') {
            shell.hash.remove(name);
        } else if options.has(b't') {
            if let Some((path, _)) = shell.hash.get(name) {
                text.extend([path.as_slice(), b"\n"].concat());
                continue;
            }
            status = 1;
        } else if name.contains(&b'/') || super::find(name).is_some() {
        } else if let Some(path) = shell.in_path(name, None).filter(|p| crate::exec::program::executable(p)) {
            shell.hash.insert(name.clone(), (path, 0));
        } else {
            shell.complain(Some(b"hash"), format!("{}: not found", shown(name)));
            status = 1;
        }
    }
    Ok(shell.print(b"hash", &text).max(status))
}
