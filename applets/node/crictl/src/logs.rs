//! `crictl logs`: what a container wrote, from its log file, which the pod's monitor writes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kit::{Context, Error, Exit, Result};

use super::{Runtime, Server, ask, time, told};
use cri_api::{ContainerState, ContainerStatus, ContainerStatusRequest};

/// Between two looks at the end of the file: short to a person.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct Options {
    /// Go on until the container ends
    #[arg(long, short)]
    follow: bool,
    /// Only the last so many lines; -1 for all
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    tail: i64,
    /// Only what was written since then: 5m for so long ago, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show when each line was written
    #[arg(long, short)]
    timestamps: bool,
    /// The container's id, or beginning
    container: String,
}

pub fn run(server: &Server, options: &Options) -> Result<Exit> {
    let since = options.since.as_deref().map(time::since).transpose()?.unwrap_or_default();
    ask(async {
        let mut runtime = server.connect().await?;
        let status = status(&mut runtime, &options.container).await?;
        if status.log_path.is_empty() {
            return Err(Error::new(format!("container {} keeps no log", status.id)));
        }
        let mut printer = Printer { since, timestamps: options.timestamps, out: kit::out() };
        let mut file = Tail::open(Path::new(&status.log_path))?;
        let wanted = usize::try_from(options.tail).ok();
        let lines = file.rest()?;
        let old = lines.iter().filter(|line| printer.wants(line)).count();
        let skip = wanted.map_or(0, |wanted| first_of_last(&lines, wanted, old, &printer));
        lines.iter().skip(skip).try_for_each(|line| printer.print(line))?;
        while options.follow && follow(&mut runtime, &status.id, &mut file, &mut printer).await? {}
        Ok(Exit::OK)
    })
}

/// Print what has come; whether the container may still write.
async fn follow(runtime: &mut Runtime, id: &str, file: &mut Tail, printer: &mut Printer<impl Write>) -> Result<bool> {
    // Asked first: what the container wrote before its end is in the file by the time that its end is known.
    let live = matches!(status(runtime, id).await?.state(), ContainerState::ContainerRunning | ContainerState::ContainerCreated);
    file.rest()?.iter().try_for_each(|line| printer.print(line))?;
    if live {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(live)
}

async fn status(runtime: &mut Runtime, id: &str) -> Result<ContainerStatus> {
    let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
    Ok(runtime.container_status(request).await.map_err(told)?.into_inner().status.unwrap_or_default())
}

/// Returns the number of lines to leave out so that `wanted` whole ones remain of those that are to
/// be shown. A line that was cut (`P`) and its rest are one.
fn first_of_last(lines: &VecDeque<Vec<u8>>, wanted: usize, shown: usize, printer: &Printer<impl Write>) -> usize {
    let mut whole = 0;
    let mut seen = 0;
    for (index, line) in lines.iter().enumerate().rev() {
        if !printer.wants(line) {
            continue;
        }
        seen += 1;
        if Line::of(line).is_some_and(|line| line.ends) {
            whole += 1;
        }
        if whole > wanted {
            return index + 1;
        }
    }
    if seen == shown && wanted == 0 { lines.len() } else { 0 }
}

/// A line of the log, taken apart: `TIME STREAM TAG CONTENT`.
struct Line<'a> {
    time: &'a [u8],
    error: bool,
    ends: bool,
    content: &'a [u8],
}

impl<'a> Line<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let (time, stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { time, error: stream == b"stderr", ends: tag.starts_with(b"F"), content: parts.next().unwrap_or_default() })
    }
}

struct Printer<W> {
    since: String,
    timestamps: bool,
    out: W,
}

impl<W: Write> Printer<W> {
    fn wants(&self, line: &[u8]) -> bool {
        Line::of(line).is_some_and(|line| line.time >= self.since.as_bytes())
    }

    /// To standard output, or to standard error what the container wrote there.
    fn print(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(line) = Line::of(bytes).filter(|line| line.time >= self.since.as_bytes()) else { return Ok(()) };
        let mut text = Vec::new();
        if self.timestamps {
            text.extend_from_slice(line.time);
            text.push(b' ');
        }
        text.extend_from_slice(line.content);
        if line.ends {
            text.push(b'\n');
        }
        let written = if line.error {
            std::io::stderr().write_all(&text)
        } else {
            self.out.write_all(&text).and_then(|()| self.out.flush())
        };
        written.doing("write the log")
    }
}

/// A file that grows, and that is put aside for a new one of its name when it is large.
struct Tail {
    path: PathBuf,
    file: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    part: Vec<u8>,
}

impl Tail {
    fn open(path: &Path) -> Result<Self> {
        let file = BufReader::new(File::open(path).on("read", path)?);
        Ok(Self { path: path.to_owned(), file, part: Vec::new() })
    }

    /// All whole lines that have come, without their ends.
    fn rest(&mut self) -> Result<VecDeque<Vec<u8>>> {
        let mut lines = VecDeque::new();
        loop {
            if self.file.read_until(b'\n', &mut self.part).on("read", &self.path)? == 0 {
                if !self.turn()? {
                    return Ok(lines);
                }
            } else if self.part.last() == Some(&b'\n') {
                self.part.pop();
                lines.push_back(std::mem::take(&mut self.part));
            }
        }
    }

    /// Go on with the new file of that name, if there is one; the old one has been read to its end.
    fn turn(&mut self) -> Result<bool> {
        let Ok(file) = File::open(&self.path) else { return Ok(false) };
        let number = |file: &File| file.metadata().on("look at", &self.path).map(|data| (data.dev(), data.ino()));
        if number(&file)? == number(self.file.get_ref())? {
            return Ok(false);
        }
        self.file = BufReader::new(file);
        self.part.clear();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::fs;

    use super::*;

    fn lines(texts: &[&str]) -> VecDeque<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn shown(all: &VecDeque<Vec<u8>>, tail: usize, since: &str) -> String {
        let mut printer = Printer { since: since.into(), timestamps: false, out: Vec::new() };
        let old = all.iter().filter(|line| printer.wants(line)).count();
        let skip = first_of_last(all, tail, old, &printer);
        all.iter().skip(skip).for_each(|line| printer.print(line).unwrap());
        String::from_utf8(printer.out).unwrap()
    }

    #[test]
    fn the_last_lines_are_whole_ones() {
        let all = lines(&["T1 stdout F a", "T2 stdout P b", "T3 stdout F c d", "T4 stdout F e", "nonsense"]);
        assert_eq!(shown(&all, 9, ""), "a\nbc d\ne\n");
        assert_eq!(shown(&all, 2, ""), "bc d\ne\n");
        assert_eq!(shown(&all, 1, ""), "e\n");
        assert_eq!(shown(&all, 0, ""), "");
        assert_eq!(shown(&all, 9, "T4"), "e\n");
    }

    #[test]
    fn a_new_file_of_the_name_is_gone_on_with() {
        let path = std::env::temp_dir().join(format!("cri-logs-{}", std::process::id()));
        fs::write(&path, "T stdout F a\nT stdout F b").unwrap();
        let mut tail = Tail::open(&path).unwrap();
        assert_eq!(tail.rest().unwrap(), lines(&["T stdout F a"]));
        let mut old = fs::OpenOptions::new().append(true).open(&path).unwrap();
        old.write_all(b"c\n").unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        fs::write(&path, "T stdout F d\n").unwrap();
        assert_eq!(tail.rest().unwrap(), lines(&["T stdout F bc", "T stdout F d"]));
        assert!(tail.rest().unwrap().is_empty());
        fs::remove_file(path.with_extension("old")).unwrap();
        fs::remove_file(path).unwrap();
    }
}
