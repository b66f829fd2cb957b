//! Files below the directory that is handed out: no link and no `..` leads out of it.

use std::fs::File;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

/// Open a file or directory by its path in the URL.
pub fn open(root: BorrowedFd<'_>, path: &str) -> std::io::Result<File> {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "." } else { path };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // A pipe must not hold a thread, nor a device do anything.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(openat2(root, path, flags, Mode::empty(), resolve)?.into())
}

/// Names in a directory, those of directories with a slash, sorted; no more than a page should have.
pub fn names(dir: &File) -> std::io::Result<Vec<String>> {
    /// Names on a page.
    const MOST: usize = 10_000;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)?.take(MOST) {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let slash = if entry.file_type() == rustix::fs::FileType::Directory { "/" } else { "" };
        names.push(format!("{name}{slash}"));
    }
    names.sort();
    Ok(names)
}

/// Type of a file by the end of its name.
pub fn kind(path: &str) -> &'static str {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    match end.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "log" | "conf" | "cfg" | "yml" | "yaml" | "ipxe" | "sh" => "text/plain; charset=utf-8",
        "css" => "text/css",
        "js" => "text/javascript",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn no_path_and_no_link_leads_out() {
        let dir = std::env::temp_dir().join(format!("httpd-files-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("root/sub")).unwrap();
        std::fs::write(dir.join("secret"), "secret").unwrap();
        std::fs::write(dir.join("root/page"), "page").unwrap();
        std::os::unix::fs::symlink("../secret", dir.join("root/out")).unwrap();
        std::os::unix::fs::symlink(dir.join("secret"), dir.join("root/absolute")).unwrap();
        std::os::unix::fs::symlink("../page", dir.join("root/sub/inside")).unwrap();
        let root = File::open(dir.join("root")).unwrap();
        let read = |path: &str| {
            let mut text = String::new();
            open(root.as_fd(), path).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text)
        };
        assert_eq!(read("/page").unwrap(), "page");
        assert_eq!(read("/sub/inside").unwrap(), "page");
        for path in ["/../secret", "/out", "/absolute", "/sub/../../secret", "//../secret"] {
            assert!(read(path).is_err(), "{path}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
