//! `kutties boot-chart`: draws the boot as an SVG.
//!
//! Usage: kutties boot-chart [-i LOG] [-o FILE]
//!
//! A bar for the kernel, for each step of PID 1 and for each service that runs; steps that failed
//! are red. The horizontal axis is the time since the kernel's start, in seconds.
//!
//! Example:
//!     # kutties boot-chart -o /tmp/boot.svg

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, paths};

use crate::boot_log::{self, Step};
use crate::node;

/// The record.
pub const BOOT_CHART: Applet = Applet { name: "boot-chart", about: "draw the boot as an SVG", place: Place::Hidden, run };

/// Height of a row, and the room on each side, in pixels.
const ROW: u32 = 18;
const MARGIN: u32 = 40;
/// Width of the whole time, and of the names behind the bars, in pixels.
const WIDTH: u32 = 900;
const NAMES: u32 = 420;
/// A service that started so many seconds after the last step still belongs to the boot; a later one was started again.
const LATE: f64 = 10.0;
/// Ticks a second in /proc/PID/stat: USER_HZ is 100 on both architectures.
const TICKS: f64 = 100.0;

#[derive(Parser)]
struct Options {
    /// Boot log to draw; without it this machine's
    #[arg(short, long, value_name = "LOG")]
    input: Option<PathBuf>,
    /// File to write; without it standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Bar of the chart.
struct Bar {
    name: String,
    from: f64,
    to: f64,
    colour: &'static str,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&BOOT_CHART, args)?;
    let path = options.input.clone().unwrap_or_else(|| paths::BOOT_LOG.into());
    let log = fs::read_to_string(&path).on("read", &path)?;
    let steps = boot_log::steps(&log);
    if steps.is_empty() {
        return Err(Error::new(format!("{} has no step of a boot", path.display())));
    }
    let mut bars = bars(&steps, &log);
    if options.input.is_none() {
        let end = bars.iter().map(|bar| bar.to).fold(0.0, f64::max);
        bars.extend(services(end));
    }
    let svg = chart(&bars);
    if let Some(path) = options.output {
        fs::write(&path, svg).on("write", path)?;
    } else {
        let mut out = out();
        out.write_all(svg.as_bytes()).and_then(|()| out.flush()).doing("write standard output")?;
    }
    Ok(Exit::OK)
}

fn bars(steps: &[Step], log: &str) -> Vec<Bar> {
    let first = log.lines().find_map(boot_log::moment).map_or(0.0, |(seconds, _)| seconds);
    let mut bars = vec![Bar { name: "kernel".into(), from: 0.0, to: first, colour: "#8f8f8f" }];
    let mut sorted: Vec<&Step> = steps.iter().collect();
    sorted.sort_by(|a, b| (a.end - a.took).total_cmp(&(b.end - b.took)));
    bars.extend(sorted.into_iter().map(|step| Bar {
        name: match step.note.as_str() {
            "" => format!("{} {:.0} ms", step.name, step.took * 1000.0),
            note => format!("{} {:.0} ms: {note}", step.name, step.took * 1000.0),
        },
        from: (step.end - step.took).max(0.0),
        to: step.end,
        colour: if step.failed { "#c62828" } else { "#3f6fb5" },
    }));
    bars
}

/// Bars of the services that the boot started, from the start of the process that runs now.
fn services(end: f64) -> Vec<Bar> {
    let services = node::services().unwrap_or_default();
    let started = services.iter().filter_map(|service| Some((service.name.clone(), start_of(service.pid?)?)));
    let mut bars: Vec<Bar> = started
        .filter(|(_, from)| *from <= end + LATE)
        .map(|(name, from)| Bar { name: format!("service {name}"), from, to: end.max(from), colour: "#7cb06a" })
        .collect();
    bars.sort_by(|a, b| a.from.total_cmp(&b.from));
    bars
}

/// Seconds from the kernel's start to a process's.
fn start_of(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1;
    let ticks: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(ticks / TICKS)
}

fn chart(bars: &[Bar]) -> String {
    let end = bars.iter().map(|bar| bar.to).fold(0.1, f64::max);
    let x = |seconds: f64| f64::from(MARGIN) + seconds / end * f64::from(WIDTH);
    let height = u32::try_from(bars.len()).unwrap_or(u32::MAX / ROW - 8) * ROW + 2 * MARGIN;
    let width = WIDTH + NAMES + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for second in 0..=(end as u32) {
        let at = x(f64::from(second));
        let low = height - MARGIN;
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{MARGIN}\" x2=\"{at:.1}\" y2=\"{low}\" stroke=\"#dddddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\">{second} s</text>",
            MARGIN - 6
        );
    }
    for (row, bar) in (0..).zip(bars) {
        let (top, from) = (MARGIN + row * ROW, x(bar.from));
        let long = (x(bar.to) - from).max(1.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{}\" width=\"{long:.1}\" height=\"{}\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            top + 2,
            ROW - 4,
            bar.colour,
            from + long + 4.0,
            top + 13,
            escaped(&bar.name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Text that XML takes, cut to what the chart has room for.
fn escaped(text: &str) -> String {
    const LONGEST: usize = 90;
    let cut: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    cut.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_has_a_bar_for_each_step() {
        let log = "[    1.000] kutties 0.1.0\n[    1.300] mounts: 200 ms\n[    1.400] disks: FAILED after 50 ms: a <b> & c\n";
        let svg = chart(&bars(&boot_log::steps(log), log));
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("mounts 200 ms</text>") && svg.contains("#c62828"), "{svg}");
        assert!(svg.contains("a &lt;b&gt; &amp; c") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(start_of(std::process::id()).is_some_and(|seconds| seconds > 0.0));
    }
}
