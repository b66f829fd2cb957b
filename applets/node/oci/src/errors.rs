//! libcontainer's errors as one sentence.

use std::error::Error as Cause;
use std::fs::File;
use std::io::{Read, Seek};

use kit::Error;

use crate::trace::Heard;

/// What libcontainer puts around every failure in the container.
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

/// Why a process could not be made: our own word from inside the container, else libcontainer's with the first error that
/// it logged, which is the innermost.
pub fn not_made(doing: &str, e: &dyn Cause, refusal: &File, heard: &Heard) -> Error {
    let mut refusal = refusal;
    let mut own = String::new();
    let read = refusal.rewind().and_then(|()| refusal.read_to_string(&mut own));
    if read.is_ok() && !own.is_empty() {
        return Error::new(format!("{doing}: unable to start container process: {own}"));
    }
    let chain = chain(e).replace('\0', "");
    let chain = WRAPPING.iter().fold(chain.as_str(), |text, wrapping| text.trim_start_matches(wrapping));
    match heard.first_error() {
        Some(first) => Error::new(format!("{doing}: {chain} ({first})")),
        None => Error::new(format!("{doing}: {chain}")),
    }
}
