//! `kutties doctor`: checks this node, and says what is wrong and what to do.
//!
//! Usage: kutties doctor [-q]
//!
//! A line for each check: `ok`, `warning`, `BAD`, or `-` for what is not wanted here or not there
//! yet; below it the advice. It reads and changes nothing. Exit status: 0 without `BAD`, else 1.
//!
//! Example:
//!     # kutties doctor -q
//!     BAD     clock         it is 1970: certificates are not valid yet
//!                           set it with date -s, or name a time server with ntp.servers

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out};

use crate::checks::{cluster, kernel, machine, service};
use crate::finding::{Finding, Grade};

/// The record.
pub const DOCTOR: Applet =
    Applet { name: "doctor", about: "check this node, and say what is wrong and what to do", place: Place::Hidden, run };

/// Check with its name.
struct Check {
    name: &'static str,
    run: fn() -> Finding,
}

/// All checks, in the order in which a fault of one explains those of the next.
const CHECKS: &[Check] = &[
    Check { name: "kernel", run: kernel::features },
    Check { name: "modules", run: kernel::modules },
    Check { name: "cgroups", run: kernel::cgroups },
    Check { name: "boot", run: machine::boot },
    Check { name: "clock", run: machine::clock },
    Check { name: "memory", run: machine::memory },
    Check { name: "disk", run: machine::disk },
    Check { name: "network", run: machine::network },
    Check { name: "names", run: machine::names },
    Check { name: "services", run: service::services },
    Check { name: "cri", run: service::cri },
    Check { name: "pod network", run: cluster::pod_network },
    Check { name: "certificates", run: cluster::certificates },
    Check { name: "API server", run: cluster::api_server },
    Check { name: "kubelet", run: cluster::kubelet },
];

#[derive(Parser)]
struct Options {
    /// Show only what needs attention
    #[arg(short, long)]
    quiet: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&DOCTOR, args)?;
    let mut out = out();
    let mut worst = Grade::Good;
    for check in CHECKS {
        let finding = (check.run)();
        worst = worst.max(finding.grade);
        if !options.quiet || finding.grade >= Grade::Warning {
            out.write_all(lines(check.name, &finding).as_bytes()).doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(if worst == Grade::Bad { Exit::FAILED } else { Exit::OK })
}

fn lines(name: &str, finding: &Finding) -> String {
    let mut text = format!("{:<8}{name:<14}{}\n", finding.grade, finding.text);
    if !finding.advice.is_empty() {
        text = format!("{text}{:22}{}\n", "", finding.advice);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_advice() {
        let bad = Finding::bad("it is 1970", "set it with date -s");
        assert_eq!(lines("clock", &bad), "BAD     clock         it is 1970\n                      set it with date -s\n");
        assert_eq!(lines("disk", &Finding::good("fine")), "ok      disk          fine\n");
    }
}
