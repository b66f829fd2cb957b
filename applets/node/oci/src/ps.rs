//! `ps`: the processes of a container, with their numbers on the host.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use clap::{Args, ValueEnum};
use kit::{Context, Exit, Result, out};

use crate::context::Oci;
use crate::directory::Known;

/// Options of `ps`.
#[derive(Debug, Args)]
pub struct Options {
    /// Output format
    #[arg(long, short, default_value = "table")]
    format: Format,
    /// The container's name
    id: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let processes = Known::load(&oci.root, &options.id)?.cgroup().processes()?;
    let text = match options.format {
        Format::Json => format!("{}\n", serde_json::json!(processes)),
        Format::Table => table(&processes),
    };
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("print the processes")?;
    Ok(Exit::OK)
}

/// As `ps -ef` has it, whose PID column readers look for. One that has just ended is left out.
fn table(processes: &[i32]) -> String {
    let rows = processes.iter().filter_map(|pid| row(*pid));
    format!("{:<8} {:>7} {:>7} {:>8} CMD\n{}", "UID", "PID", "PPID", "TIME", rows.collect::<String>())
}

fn row(pid: i32) -> Option<String> {
    let directory = format!("/proc/{pid}");
    let user = std::fs::metadata(&directory).ok()?.uid();
    let stat = std::fs::read_to_string(format!("{directory}/stat")).ok()?;
    let (name, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let seconds = ticks / rustix::param::clock_ticks_per_second().max(1);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let line = std::fs::read(format!("{directory}/cmdline")).unwrap_or_default();
    let mut command = String::from_utf8_lossy(&line).trim_end_matches('\0').replace(['\0', '\n'], " ");
    if command.is_empty() {
        command = format!("[{}]", name.split_once('(')?.1);
    }
    Some(format!("{user:<8} {pid:>7} {:>7} {time:>8} {command}\n", fields.get(1)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_row_tells_whose_it_is_and_what_it_runs() {
        let own = std::process::id() as i32;
        let row = row(own).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words[1], own.to_string());
        assert_eq!(words[2], std::os::unix::process::parent_id().to_string());
        assert!(words[4].contains("oci"), "{row}");
        assert!(super::row(0).is_none());
    }
}
