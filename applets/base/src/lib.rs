//! The everyday commands: files, text, processes. One file a command of our own; those adopted from uutils are one row each.

mod adopted;
mod clear;
mod compare;
mod dmesg;
mod find;
mod free;
mod grep;
mod gzip;
mod hostname;
mod killall;
mod less;
mod nsenter;
mod pattern;
mod pgrep;
mod pidof;
mod process;
mod ps;
mod pstree;
mod sed;
mod select;
mod setsid;
mod start;
mod switch_root;
mod sysctl;
mod tar;
mod unshare;
mod watch;
mod which;
mod xargs;

use adopted::{adopt, row};
use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[
    row("[", "evaluate a condition, up to a closing bracket", |args| adopt("test", uu_test::uumain, args)),
    row("arch", "print the machine's architecture", |args| adopt("arch", uu_arch::uumain, args)),
    row("base64", "encode and decode base64", |args| adopt("base64", uu_base64::uumain, args)),
    row("basename", "strip folder and suffix from names", |args| adopt("basename", uu_basename::uumain, args)),
    row("cat", "print files one after another", |args| adopt("cat", uu_cat::uumain, args)),
    row("chgrp", "change the group of files", |args| adopt("chgrp", uu_chgrp::uumain, args)),
    row("chmod", "change the permission bits of files", |args| adopt("chmod", uu_chmod::uumain, args)),
    row("chown", "change owner and group of files", |args| adopt("chown", uu_chown::uumain, args)),
    row("chroot", "run a program under another root", |args| adopt("chroot", uu_chroot::uumain, args)),
    row("cksum", "print checksums and sizes of files", |args| adopt("cksum", uu_cksum::uumain, args)),
    clear::CLEAR,
    compare::CMP,
    row("comm", "compare two sorted files by line", |args| adopt("comm", uu_comm::uumain, args)),
    row("cp", "copy files and folders", |args| adopt("cp", uu_cp::uumain, args)),
    row("cut", "print parts of lines", |args| adopt("cut", uu_cut::uumain, args)),
    row("date", "print or set date and time", |args| adopt("date", uu_date::uumain, args)),
    row("dd", "copy and convert a file by blocks", |args| adopt("dd", uu_dd::uumain, args)),
    row("df", "show free room of file systems", |args| adopt("df", uu_df::uumain, args)),
    row("dirname", "strip the last part of names", |args| adopt("dirname", uu_dirname::uumain, args)),
    dmesg::DMESG,
    row("du", "show the room that files take", |args| adopt("du", uu_du::uumain, args)),
    row("echo", "print arguments", |args| adopt("echo", uu_echo::uumain, args)),
    grep::EGREP,
    row("env", "run a program in a changed environment", |args| adopt("env", uu_env::uumain, args)),
    row("expand", "turn tabs into spaces", |args| adopt("expand", uu_expand::uumain, args)),
    row("expr", "evaluate an expression", |args| adopt("expr", uu_expr::uumain, args)),
    row("false", "do nothing, unsuccessfully", |args| adopt("false", uu_false::uumain, args)),
    grep::FGREP,
    find::FIND,
    row("fold", "wrap long lines", |args| adopt("fold", uu_fold::uumain, args)),
    free::FREE,
    grep::GREP,
    gzip::GUNZIP,
    gzip::GZIP,
    row("head", "print the first part of files", |args| adopt("head", uu_head::uumain, args)),
    hostname::HOSTNAME,
    row("id", "print user and group identity", |args| adopt("id", uu_id::uumain, args)),
    row("install", "copy files and set their attributes", |args| adopt("install", uu_install::uumain, args)),
    row("join", "join lines of two files on a field", |args| adopt("join", uu_join::uumain, args)),
    row("kill", "send signals to processes by number", |args| adopt("kill", uu_kill::uumain, args)),
    killall::KILLALL,
    less::LESS,
    row("link", "make a hard link", |args| adopt("link", uu_link::uumain, args)),
    row("ln", "make links", |args| adopt("ln", uu_ln::uumain, args)),
    row("ls", "list folders", |args| adopt("ls", uu_ls::uumain, args)),
    row("md5sum", "print or check MD5 checksums", |args| adopt("md5sum", uu_md5sum::uumain, args)),
    row("mkdir", "make folders", |args| adopt("mkdir", uu_mkdir::uumain, args)),
    row("mkfifo", "make named pipes", |args| adopt("mkfifo", uu_mkfifo::uumain, args)),
    row("mknod", "make special files", |args| adopt("mknod", uu_mknod::uumain, args)),
    row("mktemp", "make a temporary file or folder", |args| adopt("mktemp", uu_mktemp::uumain, args)),
    less::MORE,
    row("mv", "move or rename files", |args| adopt("mv", uu_mv::uumain, args)),
    row("nice", "run a program with another niceness", |args| adopt("nice", uu_nice::uumain, args)),
    row("nl", "number lines", |args| adopt("nl", uu_nl::uumain, args)),
    row("nohup", "run a program that outlives its terminal", |args| adopt("nohup", uu_nohup::uumain, args)),
    row("nproc", "print the number of processors", |args| adopt("nproc", uu_nproc::uumain, args)),
    nsenter::NSENTER,
    row("od", "dump files in octal and other forms", |args| adopt("od", uu_od::uumain, args)),
    row("paste", "merge lines of files", |args| adopt("paste", uu_paste::uumain, args)),
    row("pathchk", "check whether file names are valid", |args| adopt("pathchk", uu_pathchk::uumain, args)),
    pgrep::PGREP,
    pidof::PIDOF,
    pgrep::PKILL,
    row("printenv", "print environment variables", |args| adopt("printenv", uu_printenv::uumain, args)),
    row("printf", "format and print arguments", |args| adopt("printf", uu_printf::uumain, args)),
    ps::PS,
    pstree::PSTREE,
    row("pwd", "print the working folder", |args| adopt("pwd", uu_pwd::uumain, args)),
    row("readlink", "print where a link leads", |args| adopt("readlink", uu_readlink::uumain, args)),
    row("realpath", "print absolute names without links", |args| adopt("realpath", uu_realpath::uumain, args)),
    row("rm", "remove files and folders", |args| adopt("rm", uu_rm::uumain, args)),
    row("rmdir", "remove empty folders", |args| adopt("rmdir", uu_rmdir::uumain, args)),
    sed::SED,
    row("seq", "print a sequence of numbers", |args| adopt("seq", uu_seq::uumain, args)),
    setsid::SETSID,
    row("sha1sum", "print or check SHA-1 checksums", |args| adopt("sha1sum", uu_sha1sum::uumain, args)),
    row("sha224sum", "print or check SHA-224 checksums", |args| adopt("sha224sum", uu_sha224sum::uumain, args)),
    row("sha256sum", "print or check SHA-256 checksums", |args| adopt("sha256sum", uu_sha256sum::uumain, args)),
    row("sha384sum", "print or check SHA-384 checksums", |args| adopt("sha384sum", uu_sha384sum::uumain, args)),
    row("sha512sum", "print or check SHA-512 checksums", |args| adopt("sha512sum", uu_sha512sum::uumain, args)),
    row("shuf", "shuffle lines", |args| adopt("shuf", uu_shuf::uumain, args)),
    row("sleep", "wait", |args| adopt("sleep", uu_sleep::uumain, args)),
    row("sort", "sort lines", |args| adopt("sort", uu_sort::uumain, args)),
    row("split", "split a file into pieces", |args| adopt("split", uu_split::uumain, args)),
    row("stat", "show a file's status", |args| adopt("stat", uu_stat::uumain, args)),
    row("stty", "show or set terminal settings", |args| adopt("stty", uu_stty::uumain, args)),
    row("sum", "print BSD or System V checksums", |args| adopt("sum", uu_sum::uumain, args)),
    switch_root::SWITCH_ROOT,
    row("sync", "write what is cached to disks", |args| adopt("sync", uu_sync::uumain, args)),
    sysctl::SYSCTL,
    row("tac", "print files, last line first", |args| adopt("tac", uu_tac::uumain, args)),
    row("tail", "print the last part of files", |args| adopt("tail", uu_tail::uumain, args)),
    tar::TAR,
    row("tee", "copy standard input to files and standard output", |args| adopt("tee", uu_tee::uumain, args)),
    row("test", "evaluate a condition", |args| adopt("test", uu_test::uumain, args)),
    row("timeout", "run a program with a time limit", |args| adopt("timeout", uu_timeout::uumain, args)),
    row("touch", "set the times of files, making them", |args| adopt("touch", uu_touch::uumain, args)),
    row("tr", "translate or delete characters", |args| adopt("tr", uu_tr::uumain, args)),
    row("true", "do nothing, successfully", |args| adopt("true", uu_true::uumain, args)),
    row("truncate", "set the size of files", |args| adopt("truncate", uu_truncate::uumain, args)),
    row("tsort", "sort topologically", |args| adopt("tsort", uu_tsort::uumain, args)),
    row("tty", "print the terminal's name", |args| adopt("tty", uu_tty::uumain, args)),
    row("uname", "print kernel and machine names", |args| adopt("uname", uu_uname::uumain, args)),
    row("unexpand", "turn spaces into tabs", |args| adopt("unexpand", uu_unexpand::uumain, args)),
    row("uniq", "drop repeated lines", |args| adopt("uniq", uu_uniq::uumain, args)),
    row("unlink", "remove one file", |args| adopt("unlink", uu_unlink::uumain, args)),
    unshare::UNSHARE,
    row("uptime", "show how long the system has been up", |args| adopt("uptime", uu_uptime::uumain, args)),
    watch::WATCH,
    row("wc", "count lines, words and bytes", |args| adopt("wc", uu_wc::uumain, args)),
    which::WHICH,
    row("whoami", "print the user's name", |args| adopt("whoami", uu_whoami::uumain, args)),
    xargs::XARGS,
    row("yes", "print a text again and again", |args| adopt("yes", uu_yes::uumain, args)),
    gzip::ZCAT,
];
