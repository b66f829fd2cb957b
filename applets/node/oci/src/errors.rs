//! libcontainer's errors as one sentence.

use std::error::Error as Cause;
use std::fs::File;
use std::io::{Read, Seek};

use kit::{Error, Kind, Report};

use crate::trace::Heard;

/// Texts that libcontainer puts around every failure in the container.
const WRAPPING: [&str; 2] = ["failed to create container: ", "exec process failed with error error in executing process : "];

/// The whole chain of causes, without those that repeat what is said already.
pub fn chain(e: &dyn Cause) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text.replace('\n', " ")
}

/// Cause why a process could not be made: our own message from inside the container, else libcontainer's with the first error that
/// it logged, which is the innermost.
pub fn not_made(doing: &str, e: &(dyn Cause + 'static), refusal: &File, heard: &Heard) -> Error {
    if let Some(own) = refused(refusal) {
        return own.into_error().below("unable to start container process").below(doing);
    }
    let kind = Kind::of_chain(e);
    let chain = chain(e).replace('\0', "");
    let chain = WRAPPING.iter().fold(chain.as_str(), |text, wrapping| text.trim_start_matches(wrapping));
    match heard.first_error() {
        Some(first) => Error::of(kind, format!("{doing}: {chain} ({first})")),
        None => Error::of(kind, format!("{doing}: {chain}")),
    }
}

/// Message that a process on its way into the container has written.
fn refused(mut file: &File) -> Option<Report> {
    let mut line = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut line)).ok()?;
    // A second refusal is a consequence of the first.
    serde_json::Deserializer::from_slice(&line).into_iter().next()?.ok()
}

/// A failed verb, with the whole chain of causes.
pub fn failed(verb: &str, id: &str, e: &(dyn Cause + 'static)) -> Error {
    Error::of(Kind::of_chain(e), format!("{verb} {id}: {}", chain(e)))
}
