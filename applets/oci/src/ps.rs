//! `ps`: the processes of a container, with their numbers on the host.

use std::io::Write;

use clap::{Args, ValueEnum};
use kit::{Context, Exit, Result, out};

use crate::folder::Known;
use crate::oci::Oci;

/// List a container's processes
#[derive(Debug, Args)]
pub struct Options {
    /// How
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
        Format::Table => {
            let rows = processes.iter().map(|pid| format!("{pid:>7} {}\n", command(*pid)));
            format!("{:>7} COMMAND\n{}", "PID", rows.collect::<String>())
        }
    };
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("print the processes")?;
    Ok(Exit::OK)
}

/// Its command line; one that has just ended has none.
fn command(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end_matches('\0').replace('\0', " ")
}
