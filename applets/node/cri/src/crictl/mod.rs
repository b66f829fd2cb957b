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
mod stats;
mod stop;
mod stream;
mod table;
mod terminal;
mod time;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kit::{Applet, Context, Error, Exit, Later, Place, Result, paths};
use tonic::Status;

pub use run::RUN;

use crate::api::image_service_client::ImageServiceClient;
use crate::api::runtime_service_client::RuntimeServiceClient;
use crate::client::{Channel, connect};
use crate::filter::OF_A_PERSON;

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

/// The runtime's side of the server.
pub type Runtime = RuntimeServiceClient<Channel>;

/// The images' side of it.
pub type Images = ImageServiceClient<Channel>;

/// Place of the server.
#[derive(Debug, Args)]
pub struct Server {
    /// Socket of the CRI server
    #[arg(long, short, value_name = "PATH", default_value = paths::CRI)]
    runtime_endpoint: String,
}

impl Server {
    /// A connection to it.
    pub async fn connect(&self) -> Result<Runtime> {
        Ok(self.connect_both().await?.0)
    }

    /// The same for both services.
    pub async fn connect_both(&self) -> Result<(Runtime, Images)> {
        let path = PathBuf::from(self.runtime_endpoint.trim_start_matches("unix://"));
        let (runtime, images) = connect(&path).await?;
        // Both ways of a message may be as large as the kubelet allows.
        Ok((runtime.max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE), images))
    }
}

/// Value of the label of a person's pods.
const OWN: &str = "yes";

/// The largest message, in bytes: the kubelet's.
const MESSAGE: usize = 16 << 20;

/// Run a command's questions to their end.
fn ask<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start the event loop")?;
    runtime.block_on(work)
}

/// What the server answered instead.
#[expect(clippy::needless_pass_by_value, reason = "so that it can be given to map_err")]
fn told(status: Status) -> Error {
    Error::new(status.message())
}

/// The labels of the requests that together list a person's pods as well as the cluster's. One request is enough for an id.
fn with_own(id: &str, labels: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    if !id.is_empty() || labels.contains_key(OF_A_PERSON) {
        return vec![labels.clone()];
    }
    let mut own = labels.clone();
    own.insert(OF_A_PERSON.into(), OWN.into());
    vec![labels.clone(), own]
}

/// Labels as they are asked for, `NAME=VALUE`.
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The part of an id that people use; all of it when they ask for that.
fn short(id: &str, whole: bool) -> String {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    if whole { id.to_owned() } else { id.chars().take(13).collect() }
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
