//! Lines of the boot log, as PID 1 writes them: `[   12.345] network: eth0 10.0.0.2/24, 618 ms`.

/// Step of the boot.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name.
    pub name: String,
    /// Seconds from the kernel's start to the step's end.
    pub end: f64,
    /// Duration in seconds.
    pub took: f64,
    /// Note or error; may be empty.
    pub note: String,
    /// True when it failed.
    pub failed: bool,
}

/// Steps of a log, in the order of their ends; other lines are left out.
pub fn steps(log: &str) -> Vec<Step> {
    log.lines().filter_map(step).collect()
}

fn step(line: &str) -> Option<Step> {
    let (end, text) = moment(line)?;
    let (name, rest) = text.split_once(": ")?;
    if let Some(failure) = rest.strip_prefix("FAILED after ") {
        let (took, note) = failure.split_once(" ms: ")?;
        return Some(Step { name: name.into(), end, took: milliseconds(took)?, note: note.into(), failed: true });
    }
    let (note, took) = rest.rsplit_once(", ").unwrap_or(("", rest));
    let took = milliseconds(took.strip_suffix(" ms")?)?;
    Some(Step { name: name.into(), end, took, note: note.into(), failed: false })
}

/// Seconds in front of a line, and the rest.
pub fn moment(line: &str) -> Option<(f64, &str)> {
    let (seconds, text) = line.strip_prefix('[')?.split_once("] ")?;
    Some((seconds.trim().parse().ok()?, text))
}

fn milliseconds(text: &str) -> Option<f64> {
    Some(f64::from(text.parse::<u32>().ok()?) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_other_lines_left_out() {
        let log = "[    3.156] kutties 0.1.0\n[    3.316] root: 431 files moved, 144 ms\n[    3.356] mounts: 40 ms\n\
                   [    3.884] disks: FAILED after 118 ms: /var without it: it is damaged, somehow\n[preflight] x: 3 ms\n";
        let step = |name: &str, end, took, note: &str, failed| Step { name: name.into(), end, took, note: note.into(), failed };
        let expected = [
            step("root", 3.316, 0.144, "431 files moved", false),
            step("mounts", 3.356, 0.04, "", false),
            step("disks", 3.884, 0.118, "/var without it: it is damaged, somehow", true),
        ];
        assert_eq!(steps(log), expected);
    }
}
