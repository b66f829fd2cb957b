//! Lists of what a segment holds, one node a line: `dir PATH [MODE]`, `file PATH MODE SOURCE`, `link PATH TARGET`,
//! `char PATH MODE MAJOR MINOR`. Modes are octal, `#` begins a comment, a source is relative to the directory given.

use std::path::Path;

use crate::{Archive, Error, Node};

/// Put what the list says into the archive. The error names the line.
pub fn add(archive: &mut Archive, list: &str, sources: &Path) -> Result<(), Error> {
    for (number, line) in (1..).zip(list.lines()) {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        add_line(archive, &words, sources).map_err(|e| Error(format!("line {number}: {e}")))?;
    }
    Ok(())
}

fn add_line(archive: &mut Archive, words: &[&str], sources: &Path) -> Result<(), Error> {
    match words {
        [] => Ok(()),
        ["dir", path] => archive.directory(path),
        ["dir", path, mode] => archive.put(path, Node::Directory(octal(mode)?)),
        ["file", path, mode, source] => archive.copy(path, octal(mode)?, &sources.join(source)),
        ["link", path, target] => archive.link(path, target),
        ["char", path, mode, major, minor] => archive.put(path, Node::Device(octal(mode)?, number(major)?, number(minor)?)),
        [kind, ..] => {
            Err(Error(format!("{kind} with {} words: not one of dir, file, link, char as they are written", words.len() - 1)))
        }
    }
}

fn octal(text: &str) -> Result<u32, Error> {
    u32::from_str_radix(text, 8).map_err(|_| Error(format!("{text} is no octal mode")))
}

fn number(text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error(format!("{text} is no number")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_each_kind() {
        let mut archive = Archive::new();
        let list =
            "# a list\ndir /tmp\ndir /x 0711 # narrow\nlink /lib usr/lib\nchar /dev/null 0666 1 3\nfile /self 0644 list.rs\n";
        add(&mut archive, list, &Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        assert_eq!(archive.get("/tmp"), Some(&Node::Directory(0o1777)));
        assert_eq!(archive.get("/x"), Some(&Node::Directory(0o711)));
        assert_eq!(archive.get("/dev/null"), Some(&Node::Device(0o666, 1, 3)));
        assert!(matches!(archive.get("/self"), Some(Node::File(0o644, _))));
    }

    #[test]
    fn names_the_bad_line() {
        let error = add(&mut Archive::new(), "dir /a\nfoo /b\n", Path::new("/")).unwrap_err().to_string();
        assert!(error.starts_with("line 2: foo"), "{error}");
    }
}
