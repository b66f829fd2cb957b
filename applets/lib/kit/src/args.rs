//! Arguments by clap, with the applet's name and summary from its record.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};

use crate::{Applet, Error, Result};

/// The version for a person: it names the profile of a build that is not what is shipped.
pub fn version() -> String {
    let number = version_number();
    match option_env!("KUTTIES_BUILT_WITH") {
        None | Some("") => number.to_owned(),
        Some(profile) => format!("{number} (built with profile {profile}: larger and slower than a release)"),
    }
}

/// Version that every applet answers to `--version`: `0.1.0` of a release, `0.1.0-480-g0123456789` of another commit.
pub fn version_number() -> &'static str {
    match sys::version::written() {
        "" => env!("CARGO_PKG_VERSION"),
        written => written,
    }
}

/// The options of a call. Help and version come back as a text error; a wrong option as a usage error.
pub fn parse<T: Parser>(applet: &Applet, args: &[OsString]) -> Result<T> {
    let matched = command::<T>(applet).try_get_matches_from(args.get(1..).unwrap_or_default());
    matched.and_then(|mut matches| T::from_arg_matches_mut(&mut matches)).map_err(|e| said(&e))
}

/// The same with what clap found, for an applet to which the order of its options matters.
///
/// # Errors
/// As [`parse`].
pub fn parse_matched<T: Parser>(applet: &Applet, args: &[OsString]) -> Result<(T, ArgMatches)> {
    let matched = command::<T>(applet).try_get_matches_from(args.get(1..).unwrap_or_default());
    matched.and_then(|matches| T::from_arg_matches(&matches).map(|options| (options, matches))).map_err(|e| said(&e))
}

fn command<T: Parser>(applet: &Applet) -> Command {
    T::command().name(applet.name).about(applet.about).version(version_number()).no_binary_name(true)
}

/// Converts clap's message into an error of ours: its own "error: " and trailing newline go.
fn said(e: &clap::Error) -> Error {
    let text = e.render().to_string();
    match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Error::text(text),
        _ => Error::usage(text.trim_start_matches("error: ").trim_end()),
    }
}

/// A verb's options, which are put together only when that verb is called: of an applet with many verbs that saves most
/// of the time that its start takes. What the verb is for stands at the variant.
#[derive(Clone, Copy, Debug)]
pub struct Later<T>(pub T);

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(with_options::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// The options of `T`, without what its type says of itself.
fn with_options<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned();
    let command = T::augment_args(command);
    match about {
        Some(about) => command.about(about),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use clap::Subcommand;

    use super::*;
    use crate::{Exit, Place};

    const BOX: Applet = Applet { name: "box", about: "open and shut", place: Place::Bin, run: |_| Ok(Exit::OK) };

    #[derive(Debug, Parser)]
    struct Options {
        #[command(subcommand)]
        verb: Verb,
    }

    #[derive(Debug, Subcommand)]
    enum Verb {
        /// Lift the lid
        Open(Later<Opening>),
    }

    /// Options of `open`.
    #[derive(Debug, Args)]
    struct Opening {
        #[arg(long)]
        wide: bool,
        lid: String,
    }

    fn called(args: &[&str]) -> Result<Options> {
        parse(&BOX, &args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_verb_has_its_options_and_says_what_it_is_for() {
        let Verb::Open(Later(opening)) = called(&["box", "open", "--wide", "left"]).unwrap().verb;
        assert!(opening.wide && opening.lid == "left");
        assert!(called(&["box", "open"]).unwrap_err().to_string().contains("<LID>"));
        for help in [["box", "--help"].as_slice(), &["box", "open", "--help"]] {
            let text = called(help).unwrap_err().to_string();
            assert!(text.contains("Lift the lid") && !text.contains("Options of"), "{text}");
        }
    }
}
