//! The table of tar's options: all that GNU tar 1.34 knows, with what is taken and what is refused.

/// Values that an option takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// One, the last of which counts.
    One,
    /// One each time.
    Many,
    /// One behind an equals sign, or none.
    Maybe,
}

/// State of an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As GNU's.
    Same,
    /// An error, for this reason.
    Refused(&'static str),
}

/// An option.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) aliases: &'static [&'static str],
    pub(super) takes: Takes,
    pub(super) state: State,
    pub(super) help: &'static str,
}

const fn row(long: &'static str, short: Option<char>, takes: Takes, help: &'static str) -> Row {
    Row { long, short, aliases: &[], takes, state: State::Same, help }
}

const fn also(aliases: &'static [&'static str], row: Row) -> Row {
    Row { aliases, ..row }
}

const fn refused(long: &'static str, short: Option<char>, takes: Takes, reason: &'static str) -> Row {
    Row { long, short, aliases: &[], takes, state: State::Refused(reason), help: "" }
}

const VOLUMES: &str = "archives of several volumes are not made nor read; split cuts a file into parts";
const REMOTE: &str = "archives are files of this machine; ssh and a pipe reach another one";

use Takes::{Many, Maybe, Nothing, One};

/// All of them, in the order of GNU's help.
pub(super) const ROWS: &[Row] = &[
    also(&["concatenate"], row("catenate", Some('A'), Nothing, "append archives to an archive")),
    row("create", Some('c'), Nothing, "pack into a new archive"),
    row("delete", None, Nothing, "remove members from an archive"),
    also(&["compare"], row("diff", Some('d'), Nothing, "compare an archive with files")),
    row("append", Some('r'), Nothing, "append files to an archive"),
    row("test-label", None, Nothing, "print or compare the archive's label"),
    row("list", Some('t'), Nothing, "list members"),
    row("update", Some('u'), Nothing, "append files that are newer than their member"),
    also(&["get"], row("extract", Some('x'), Nothing, "unpack")),
    row("check-device", None, Nothing, "a directory on another device is a new one: so it is usual"),
    row("listed-incremental", Some('g'), One, "pack what changed since this file was written, and write it anew"),
    row("incremental", Some('G'), Nothing, "directories with lists of what is in them; unpacking removes the rest"),
    row("hole-detection", None, One, "find holes by asking the system (seek) or by reading (raw)"),
    row("ignore-failed-read", None, Nothing, "files that can't be read are no failure"),
    row("level", None, One, "0: all is packed, whatever the file of -g tells"),
    row("no-check-device", None, Nothing, "devices of directories do not count"),
    row("no-seek", None, Nothing, "read all that lies between members"),
    row("seek", Some('n'), Nothing, "the archive can be entered anywhere"),
    row("occurrence", None, Maybe, "only this member of several with one name"),
    row("sparse-version", None, One, "form of sparse files in pax archives: 1.0"),
    row("sparse", Some('S'), Nothing, "leave holes of files out"),
    row("add-file", None, Many, "file to pack, though its name begins with a dash"),
    row("directory", Some('C'), Many, "enter a directory first"),
    row("exclude", None, Many, "leave out what fits the pattern"),
    row("exclude-backups", None, Nothing, "leave out editors' backups"),
    row("exclude-caches", None, Nothing, "of directories with CACHEDIR.TAG pack the tag alone"),
    row("exclude-caches-all", None, Nothing, "leave out directories with CACHEDIR.TAG"),
    row("exclude-caches-under", None, Nothing, "leave out what is in directories with CACHEDIR.TAG"),
    row("exclude-ignore", None, Many, "read patterns for a directory from this file in it"),
    row("exclude-ignore-recursive", None, Many, "the same, for directories below it, too"),
    row("exclude-tag", None, Many, "of directories with this file pack the file alone"),
    row("exclude-tag-all", None, Many, "leave out directories with this file"),
    row("exclude-tag-under", None, Many, "leave out what is in directories with this file"),
    row("exclude-vcs", None, Nothing, "leave out version control systems' directories"),
    row("exclude-vcs-ignores", None, Nothing, "leave out what .gitignore, .cvsignore, .bzrignore and .hgignore tell"),
    row("no-null", None, Nothing, "names of -T are lines"),
    row("no-recursion", None, Nothing, "directories without what is in them"),
    row("no-unquote", None, Nothing, "backslashes in names of -T are no escapes"),
    row("no-verbatim-files-from", None, Nothing, "names of -T that begin with a dash are options"),
    row("null", None, Nothing, "names of -T end in a zero byte"),
    row("recursion", None, Nothing, "directories with all that is in them"),
    row("files-from", Some('T'), Many, "read names from a file"),
    row("unquote", None, Nothing, "backslashes in names of -T are escapes"),
    row("verbatim-files-from", None, Nothing, "names of -T are no options"),
    row("exclude-from", Some('X'), Many, "read patterns to leave out from a file"),
    row("anchored", None, Nothing, "patterns fit from the beginning of a name"),
    row("ignore-case", None, Nothing, "patterns take letters of either case"),
    row("no-anchored", None, Nothing, "patterns fit behind any slash"),
    row("no-ignore-case", None, Nothing, "patterns tell cases apart"),
    row("no-wildcards", None, Nothing, "patterns are plain texts"),
    row("no-wildcards-match-slash", None, Nothing, "* and ? fit no slash"),
    row("wildcards", None, Nothing, "patterns have *, ? and []"),
    row("wildcards-match-slash", None, Nothing, "* and ? fit slashes"),
    row("keep-directory-symlink", None, Nothing, "links to directories stay where a directory is unpacked"),
    row("keep-newer-files", None, Nothing, "leave files that are newer than their member"),
    row("keep-old-files", Some('k'), Nothing, "never over a file that is there: an error"),
    row("no-overwrite-dir", None, Nothing, "directories that are there keep mode and time"),
    row("one-top-level", None, Maybe, "unpack all into one directory"),
    row("overwrite", None, Nothing, "write into files that are there"),
    row("overwrite-dir", None, Nothing, "directories that are there get mode and time"),
    row("recursive-unlink", None, Nothing, "remove whole trees that are in the way"),
    row("remove-files", None, Nothing, "remove what was packed"),
    row("skip-old-files", None, Nothing, "never over a file that is there: no error"),
    row("unlink-first", Some('U'), Nothing, "remove a file before its member is unpacked"),
    row("verify", Some('W'), Nothing, "compare the archive when it is written"),
    row("ignore-command-error", None, Nothing, "the status of --to-command does not count"),
    row("no-ignore-command-error", None, Nothing, "the status of --to-command counts"),
    row("to-stdout", Some('O'), Nothing, "files to standard output"),
    row("to-command", None, One, "each file to a command's standard input"),
    row("atime-preserve", None, Maybe, "reading leaves access times: replace, system"),
    row("clamp-mtime", None, Nothing, "--mtime for newer files alone"),
    row("delay-directory-restore", None, Nothing, "modes and times of directories last of all: so it is usual"),
    row("group", None, One, "group of what is packed: NAME, NAME:NUMBER or NUMBER"),
    row("group-map", None, One, "file with groups and those to take for them"),
    row("mode", None, One, "mode of what is packed, as chmod takes it"),
    row("mtime", None, One, "time of what is packed: a date, or a file's"),
    row("touch", Some('m'), Nothing, "times of now"),
    row("no-delay-directory-restore", None, Nothing, "modes and times of a directory when the first member beside it comes"),
    row("no-same-owner", None, Nothing, "what is unpacked belongs to us"),
    row("no-same-permissions", None, Nothing, "modes less the umask"),
    row("numeric-owner", None, Nothing, "owners by number"),
    row("owner", None, One, "owner of what is packed: NAME, NAME:NUMBER or NUMBER"),
    row("owner-map", None, One, "file with owners and those to take for them"),
    also(&["same-permissions"], row("preserve-permissions", Some('p'), Nothing, "modes as they are in the archive: so for root")),
    row("same-owner", None, Nothing, "owners as in the archive: so for root"),
    row("sort", None, One, "order in directories: name (usual here), inode, none"),
    also(&["same-order"], row("preserve-order", Some('s'), Nothing, "names are in the archive's order: not needed")),
    row("acls", None, Nothing, "with access control lists"),
    row("no-acls", None, Nothing, "without them"),
    row("no-selinux", None, Nothing, "without SELinux contexts"),
    row("no-xattrs", None, Nothing, "without extended attributes"),
    row("selinux", None, Nothing, "with SELinux contexts"),
    row("xattrs", None, Nothing, "with extended attributes"),
    row("xattrs-exclude", None, Many, "without attributes that fit"),
    row("xattrs-include", None, Many, "with attributes that fit"),
    row("force-local", None, Nothing, "the archive is a file, though its name has a colon: always so"),
    row("file", Some('f'), Many, "the archive; - or none is standard input or output"),
    refused("info-script", Some('F'), One, VOLUMES),
    refused("new-volume-script", None, One, VOLUMES),
    refused("tape-length", Some('L'), One, VOLUMES),
    refused("multi-volume", Some('M'), Nothing, VOLUMES),
    refused("rmt-command", None, One, REMOTE),
    refused("rsh-command", None, One, REMOTE),
    refused("volno-file", None, One, VOLUMES),
    row("blocking-factor", Some('b'), One, "blocks of 512 bytes in a record: 20"),
    row("read-full-records", Some('B'), Nothing, "read on until a record is full: always so"),
    row("ignore-zeros", Some('i'), Nothing, "read on behind blocks of zeros"),
    row("record-size", None, One, "bytes in a record"),
    row("format", Some('H'), One, "form: gnu, oldgnu, pax (posix), ustar, v7"),
    also(&["portability"], row("old-archive", None, Nothing, "form v7")),
    row("pax-option", None, Many, "changes to the records of pax archives"),
    row("posix", None, Nothing, "form pax"),
    row("label", Some('V'), One, "label of the archive"),
    row("auto-compress", Some('a'), Nothing, "compression by the archive's name"),
    row("use-compress-program", Some('I'), One, "compression by a program, which unpacks with -d"),
    row("bzip2", Some('j'), Nothing, "with bzip2"),
    row("xz", Some('J'), Nothing, "with xz"),
    row("lzip", None, Nothing, "with the program lzip"),
    row("lzma", None, Nothing, "with lzma"),
    row("lzop", None, Nothing, "with the program lzop"),
    row("no-auto-compress", None, Nothing, "no compression by the archive's name"),
    row("zstd", None, Nothing, "with zstd"),
    also(&["gunzip", "ungzip"], row("gzip", Some('z'), Nothing, "with gzip")),
    also(&["uncompress"], row("compress", Some('Z'), Nothing, "with compress")),
    row("backup", None, Maybe, "keep files that are replaced: simple, numbered, existing"),
    row("hard-dereference", None, Nothing, "each name of a file is a file of its own"),
    row("dereference", Some('h'), Nothing, "pack what links lead to"),
    row("starting-file", Some('K'), One, "begin with this member"),
    row("newer-mtime", None, One, "only files that were written after a date"),
    also(&["after-date"], row("newer", Some('N'), One, "only files that changed after a date, or a file's")),
    row("one-file-system", None, Nothing, "do not enter other file systems"),
    row("absolute-names", Some('P'), Nothing, "names keep slashes and dots at their beginning"),
    row("suffix", None, One, "end of the names of --backup: ~"),
    row("strip-components", None, One, "without the first parts of each name"),
    also(&["xform"], row("transform", None, Many, "change names by sed's s command")),
    row("checkpoint", None, Maybe, "a message for each so many records: 10"),
    row("checkpoint-action", None, Many, "instead of the message: dot, echo, echo=TEXT"),
    row("full-time", None, Nothing, "whole times in lists"),
    row("index-file", None, One, "names of -v to this file"),
    row("check-links", Some('l'), Nothing, "tell of files that have more names than were packed"),
    row("no-quote-chars", None, One, "never quote these characters of names"),
    row("quote-chars", None, One, "quote these characters of names, too"),
    row("quoting-style", None, One, "names in lists: escape, literal, shell, shell-always, c, c-maybe, locale, clocale"),
    row("block-number", Some('R'), Nothing, "the number of its block with each name"),
    row("show-defaults", None, Nothing, "print the defaults"),
    row("show-omitted-dirs", None, Nothing, "tell which directories were not asked for"),
    row("show-snapshot-field-ranges", None, Nothing, "print the numbers that a file of -g may hold"),
    also(&["show-stored-names"], row("show-transformed-names", None, Nothing, "names as they become")),
    row("totals", None, Maybe, "bytes at the end"),
    row("utc", None, Nothing, "times of UTC"),
    row("verbose", Some('v'), Nothing, "each name; twice, or with -t, more"),
    row("warning", None, Many, "warnings by name: all, none, no-NAME"),
    also(&["confirmation"], row("interactive", Some('w'), Nothing, "ask before each file")),
    row("old", Some('o'), Nothing, "packing: form v7; unpacking: what is unpacked belongs to us"),
    row("restrict", None, Nothing, "no commands for archives"),
    row("usage", None, Nothing, "print the options"),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::process::Command;

    use super::*;

    /// Options of `--help`: words that begin with dashes at the beginning of a line.
    fn options(help: &str) -> Vec<String> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let lines = help.lines().filter(|line| line.trim_start().starts_with('-') && (2..10).contains(&indent(line)));
        let head = |line: &str| line.trim_start().split("   ").next().unwrap_or_default().to_owned();
        let words = lines.flat_map(|line| head(line).split(", ").map(str::to_owned).collect::<Vec<_>>());
        words.map(|word| word.split(['=', '[', ' ']).next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn every_option_of_gnu_tar_is_known() {
        let Ok(output) = Command::new("tar").arg("--help").env("LC_ALL", "C").output() else { return };
        let help = String::from_utf8(output.stdout).unwrap();
        if !help.contains("GNU 'tar'") {
            return;
        }
        let known = |word: &str| match word.strip_prefix("--") {
            Some(long) => {
                matches!(long, "help" | "version") || ROWS.iter().any(|row| row.long == long || row.aliases.contains(&long))
            }
            None => word == "-?" || ROWS.iter().any(|row| row.short == word.chars().nth(1)),
        };
        let all = options(&help);
        assert!(all.len() > 150, "{all:?}");
        let missing: Vec<_> = all.iter().filter(|word| !known(word)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let same = ROWS.iter().filter(|row| row.state == State::Same).count();
        assert!(same * 100 >= ROWS.len() * 95, "{same} of {}", ROWS.len());
    }
}
