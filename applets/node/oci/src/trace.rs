//! Logs: errors to the file of `--log` in runc's form, which podman and containerd read, and what
//! libcontainer says on its way to a place of ours, never to the container's standard error.

use std::fmt::{self, Debug, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use kit::{Context, Result};
use rustix::fs::MemfdFlags;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Format of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// logfmt
    Text,
    /// One JSON object a line.
    Json,
}

/// The log that the caller asked for.
#[derive(Debug)]
pub struct Log {
    file: Option<File>,
    format: Format,
}

impl Log {
    /// Open it for appending; without a path nothing is logged.
    pub fn open(path: Option<&PathBuf>, format: Format) -> Result<Self> {
        let open = |path: &PathBuf| OpenOptions::new().create(true).append(true).open(path).on("open", path);
        Ok(Self { file: path.map(open).transpose()?, format })
    }

    /// Tells what was passed over, in the log, or on standard error where there is none.
    pub fn warn(&self, message: &str) {
        if self.file.is_some() {
            self.line("warning", message);
        } else {
            // Nobody is left to tell it to when the reader has gone.
            let _ = writeln!(std::io::stderr(), "oci: warning: {message}");
        }
    }

    /// Tells of capabilities that were left out of a process's sets.
    pub fn unknown_capabilities(&self, names: &[String]) {
        if !names.is_empty() {
            self.warn(&format!("ignoring unknown or unavailable capabilities: {}", names.join(" ")));
        }
    }

    /// Add a line. A log that can't be written to must not fail what was done.
    pub fn line(&self, level: &str, message: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let time = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true);
        let line = match self.format {
            Format::Json => format!("{}\n", serde_json::json!({"level": level, "msg": message, "time": time})),
            Format::Text => format!("time=\"{time}\" level={level} msg={message:?}\n"),
        };
        let _ = file.write_all(line.as_bytes());
    }
}

/// Libcontainer's messages, of all its processes: errors into a file in memory that [`Heard::first_error`] reads back, and
/// with `--debug` everything into the log.
struct Ears {
    errors: File,
    debug: Option<Log>,
}

/// Messages so far.
#[derive(Debug)]
pub struct Heard {
    errors: File,
}

/// Start listening.
pub fn listen(debug: Option<Log>) -> Result<Heard> {
    let memory = rustix::fs::memfd_create(c"oci-errors", MemfdFlags::CLOEXEC).doing("make a file in memory")?;
    let errors = File::from(memory);
    let heard = Heard { errors: errors.try_clone().doing("keep a file in memory")? };
    tracing::subscriber::set_global_default(Ears { errors, debug }).doing("listen to libcontainer")?;
    Ok(heard)
}

impl Heard {
    /// The first error, which is the innermost; forked children share the file and its position.
    pub fn first_error(&self) -> Option<String> {
        let mut bytes = vec![0; 4096];
        let count = rustix::io::pread(&self.errors, &mut bytes, 0).ok()?;
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        text.lines().next().map(String::from).filter(|line| !line.is_empty())
    }
}

/// An event's message, then its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.message, self.fields)
    }
}

impl Subscriber for Ears {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR || (self.debug.is_some() && *metadata.level() <= Level::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        if *event.metadata().level() == Level::ERROR {
            let _ = writeln!(&self.errors, "{}", line.to_string().replace('\n', " "));
        }
        if let Some(log) = &self.debug {
            // Errors that are handled are none for the reader of the log: the last word is the applet's.
            log.line("debug", &line.to_string());
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
