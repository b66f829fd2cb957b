//! `ulimit`, `umask`, `times`.

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use rustix::fs::Mode;

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, shown};

/// Letter, name, unit in bytes or pieces, resource.
type Row = (u8, &'static str, u64, Resource);

const ROWS: &[Row] = &[
    (b'c', "core file size          (blocks, -c)", 512, Resource::RLIMIT_CORE),
    (b'd', "data seg size           (kbytes, -d)", 1024, Resource::RLIMIT_DATA),
    (b'e', "scheduling priority             (-e)", 1, Resource::RLIMIT_NICE),
    (b'f', "file size               (blocks, -f)", 512, Resource::RLIMIT_FSIZE),
    (b'i', "pending signals                 (-i)", 1, Resource::RLIMIT_SIGPENDING),
    (b'l', "max locked memory       (kbytes, -l)", 1024, Resource::RLIMIT_MEMLOCK),
    (b'm', "max memory size         (kbytes, -m)", 1024, Resource::RLIMIT_RSS),
    (b'n', "open files                      (-n)", 1, Resource::RLIMIT_NOFILE),
    (b'q', "POSIX message queues     (bytes, -q)", 1, Resource::RLIMIT_MSGQUEUE),
    (b'r', "real-time priority              (-r)", 1, Resource::RLIMIT_RTPRIO),
    (b's', "stack size              (kbytes, -s)", 1024, Resource::RLIMIT_STACK),
    (b't', "cpu time               (seconds, -t)", 1, Resource::RLIMIT_CPU),
    (b'u', "max user processes              (-u)", 1, Resource::RLIMIT_NPROC),
    (b'v', "virtual memory          (kbytes, -v)", 1024, Resource::RLIMIT_AS),
    (b'x', "file locks                      (-x)", 1, Resource::RLIMIT_LOCKS),
];

const INFINITY: u64 = u64::MAX;

/// `ulimit [-HSa] [-LETTER] [LIMIT]`
pub fn ulimit(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"HSacdefilmnpqrstuvx") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let (hard, soft) = (options.has(b'H'), options.has(b'S'));
    let wanted: Vec<&Row> = if options.has(b'a') {
        ROWS.iter().collect()
    } else {
        let chosen = |row: &&Row| options.has(row.0);
        let found: Vec<&Row> = ROWS.iter().filter(chosen).collect();
        if found.is_empty() { ROWS.iter().filter(|row| row.0 == b'f').collect() } else { found }
    };
    if options.has(b'p') {
        return Ok(shell.print(b"ulimit", b"8\n"));
    }
    if let Some(text) = call.args().get(options.words) {
        let Some(row) = wanted.first() else { return Ok(0) };
        return set(shell, row, text, hard, soft);
    }
    let mut text = String::new();
    for row in &wanted {
        let Ok((now, most)) = getrlimit(row.3) else { continue };
        let value = if hard { most } else { now };
        let shown = if value == INFINITY { "unlimited".into() } else { (value / row.2).to_string() };
        if wanted.len() > 1 {
            text.extend([format!("{} {shown}\n", row.1)]);
        } else {
            text.extend([format!("{shown}\n")]);
        }
    }
    Ok(shell.print(b"ulimit", text.as_bytes()))
}

fn set(shell: &mut Shell, row: &Row, text: &[u8], hard: bool, soft: bool) -> Done {
    let Ok((now, most)) = getrlimit(row.3) else { return Ok(1) };
    let value = match text {
        b"unlimited" => Some(INFINITY),
        b"hard" => Some(most),
        b"soft" => Some(now),
        _ => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
            number.and_then(|number| number.checked_mul(row.2))
        }
    };
    let Some(value) = value else {
        shell.complain(Some(b"ulimit"), format!("{}: invalid number", shown(text)));
        return Ok(1);
    };
    let both = hard == soft;
    let new_now = if both || soft { value } else { now };
    let new_most = if both || hard { value } else { most };
    match setrlimit(row.3, new_now, new_most) {
        Ok(()) => Ok(0),
        Err(e) => {
            shell.complain(Some(b"ulimit"), format!("cannot modify limit: {}", e.desc()));
            Ok(1)
        }
    }
}

/// `umask [-pS] [MODE]`
pub fn umask(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"pS") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let now = rustix::process::umask(Mode::empty());
    rustix::process::umask(now);
    let Some(text) = call.args().get(options.words) else {
        let head = if options.has(b'p') { "umask " } else { "" };
        let text = if options.has(b'S') {
            let head = if options.has(b'p') { "umask -S " } else { "" };
            format!("{head}{}\n", symbols(now.bits()))
        } else {
            format!("{head}{:04o}\n", now.bits())
        };
        return Ok(shell.print(b"umask", text.as_bytes()));
    };
    let new = match text.first() {
        Some(b'0'..=b'9') => {
            std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text, 8).ok()).filter(|mode| *mode <= 0o7777)
        }
        _ => symbolic(text, !now.bits() & 0o777).map(|mode| !mode & 0o777),
    };
    let Some(new) = new else {
        let message = if shell.bash { "octal number out of range" } else { "illegal mode" };
        return shell.misused(call, format!("{}: {message}", shown(text)));
    };
    rustix::process::umask(Mode::from_bits_truncate(new));
    Ok(0)
}

/// Permissions that a mask leaves: `u=rwx,g=rx,o=rx`.
fn symbols(mask: u32) -> String {
    let part = |shift: u32| {
        let bits = !mask >> shift & 7;
        let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
        letters.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect::<String>()
    };
    format!("u={},g={},o={}", part(6), part(3), part(0))
}

/// Permissions that a text such as `u=rwx,g-w` makes of old ones.
fn symbolic(text: &[u8], old: u32) -> Option<u32> {
    let mut mode = old;
    for clause in text.split(|byte| *byte == b',') {
        let at = clause.iter().position(|byte| b"+-=".contains(byte))?;
        let (who, rest) = clause.split_at(at);
        let mut mask = 0;
        for letter in who {
            mask |= match letter {
                b'u' => 0o700,
                b'g' => 0o070,
                b'o' => 0o007,
                b'a' => 0o777,
                _ => return None,
            };
        }
        let mask = if who.is_empty() { 0o777 } else { mask };
        let mut bits = 0;
        for letter in &rest[1..] {
            bits |= match letter {
                b'r' => 0o444,
                b'w' => 0o222,
                b'x' | b'X' => 0o111,
                b'u' => (mode >> 6 & 7) * 0o111,
                b'g' => (mode >> 3 & 7) * 0o111,
                b'o' => (mode & 7) * 0o111,
                b's' | b't' => 0,
                _ => return None,
            };
        }
        mode = match rest[0] {
            b'+' => mode | bits & mask,
            b'-' => mode & !(bits & mask),
            _ => mode & !mask | bits & mask,
        };
    }
    Some(mode)
}

/// `times`
pub fn times(shell: &mut Shell, _: &Call) -> Done {
    let mut text = Bytes::new();
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let Ok(usage) = getrusage(who) else { continue };
        let form = |micros: i64| {
            let (minutes, rest) = (micros / 60_000_000, micros % 60_000_000);
            format!("{minutes}m{}.{:03}s", rest / 1_000_000, rest % 1_000_000 / 1000)
        };
        let user = form(usage.user_time().num_microseconds());
        let system = form(usage.system_time().num_microseconds());
        text.extend(format!("{user} {system}\n").bytes());
    }
    Ok(shell.print(b"times", &text))
}
