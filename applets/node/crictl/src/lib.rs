//! `crictl`: the node's own client asks the CRI server, with the verbs and habits of the tool of that name, so that a person can look
//! after a node whose kubelet is dead. One file a verb, or two that are alike. `list` is what lists share, `stream` and `terminal` carry
//! an exec's or attach's bytes. `kutties run`, which the tool has with other arguments, is a command of its own.

mod events;
mod exec;
mod images;
mod inspect;
mod list;
mod logs;
mod node;
mod pods;
mod ps;
mod remove;
mod run;
mod server;
mod stats;
mod stop;
mod stream;
mod table;
mod terminal;
mod time;

use std::ffi::OsString;

use clap::{Parser, Subcommand};
use kit::{Applet, Exit, Later, Place, Result};

use run::RUN;
use server::{OWN, Runtime, Server, ask, label, short, told, with_own};

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[CRICTL, RUN];

/// The applet.
pub const CRICTL: Applet = Applet { name: "crictl", about: "ask the CRI server of this node", place: Place::Bin, run: enter };

/// Words that stood for verbs of crictl before it had a name of its own: `crictl ps` is `kutties crictl ps`.
pub const MOVED: &[&str] = &[
    "attach", "events", "exec", "images", "info", "inspect", "inspectp", "logs", "pods", "ps", "pull", "rm", "rmi", "rmp",
    "stats", "stop", "stopp", "version",
];

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// See and type what a container's own process does
    Attach(Later<exec::AttachOptions>),
    /// Show what happens to containers
    #[command(visible_alias = "event")]
    Events(Later<events::Options>),
    /// Run a command in a container
    Exec(Later<exec::Options>),
    /// List images (image list)
    #[command(visible_aliases = ["image", "img"])]
    Images(images::Options),
    /// Show the runtime's state
    Info,
    /// Show all that is known of containers
    Inspect(Later<inspect::Options>),
    /// Show all that is known of pods
    Inspectp(Later<inspect::Options>),
    /// Show what a container wrote
    Logs(Later<logs::Options>),
    /// List pods
    Pods(Later<pods::Options>),
    /// List containers
    Ps(Later<ps::Options>),
    /// Fetch images (image pull)
    Pull(images::Options),
    /// Remove containers
    Rm(Later<remove::Options>),
    /// Remove images (image remove)
    Rmi(images::Options),
    /// Remove pods
    Rmp(Later<remove::Options>),
    /// Show what containers use
    Stats(Later<stats::Options>),
    /// Stop containers
    Stop(Later<stop::Options>),
    /// Stop pods
    Stopp(Later<stop::PodOptions>),
    /// Show the runtime's version
    Version,
}

fn enter(args: &[OsString]) -> Result<Exit> {
    let Options { server, verb } = kit::parse(&CRICTL, args)?;
    match verb {
        Verb::Attach(o) => exec::attach(&server, o.0),
        Verb::Events(o) => events::run(&server, &o.0),
        Verb::Exec(o) => exec::exec(&server, o.0),
        Verb::Images(o) => images::with("list", o),
        Verb::Info => node::info(&server),
        Verb::Inspect(o) => inspect::inspect(&server, &o.0),
        Verb::Inspectp(o) => inspect::inspect_pods(&server, &o.0),
        Verb::Logs(o) => logs::run(&server, &o.0),
        Verb::Pods(o) => pods::run(&server, &o.0),
        Verb::Ps(o) => ps::run(&server, &o.0),
        Verb::Pull(o) => images::with("pull", o),
        Verb::Rm(o) => remove::containers(&server, &o.0),
        Verb::Rmi(o) => images::with("remove", o),
        Verb::Rmp(o) => remove::pods(&server, &o.0),
        Verb::Stats(o) => stats::run(&server, &o.0),
        Verb::Stop(o) => stop::stop(&server, &o.0),
        Verb::Stopp(o) => stop::stop_pods(&server, &o.0),
        Verb::Version => node::version(&server),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn parsed(line: &str) -> Result<Options> {
        kit::parse(&CRICTL, &line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn verbs_have_their_options_and_the_server_is_said_before_them() {
        let options = parsed("crictl -r unix:///x ps -a -q --name web").unwrap();
        assert!(options.server.runtime_endpoint == "unix:///x" && matches!(options.verb, Verb::Ps(_)));
        assert!(parsed("crictl exec -it 0a sh -c true").is_ok());
        assert!(matches!(parsed("crictl images --help").unwrap().verb, Verb::Images(_)));
        assert_eq!(parsed("crictl logs").unwrap_err().exit(), Exit::USAGE);
        assert_eq!(parsed("crictl restart 0a").unwrap_err().exit(), Exit::USAGE);
    }

    #[test]
    fn each_old_word_is_a_verb() {
        use clap::CommandFactory;
        let verbs: Vec<String> = Options::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        assert_eq!(verbs, MOVED);
    }
}
