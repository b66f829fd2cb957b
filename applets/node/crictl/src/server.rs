//! The way to the server, and what the verbs share in asking it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use cri_api::OF_A_PERSON;
use cri_api::client::{Channel, connect};
use cri_api::image_service_client::ImageServiceClient;
use cri_api::runtime_service_client::RuntimeServiceClient;
use kit::{Context, Error, Result, paths};
use tonic::Status;

/// The runtime's side of the server.
pub type Runtime = RuntimeServiceClient<Channel>;

/// The images' side of it.
pub type Images = ImageServiceClient<Channel>;

/// Place of the server.
#[derive(Debug, Args)]
pub struct Server {
    /// Socket of the CRI server
    #[arg(long, short, value_name = "PATH", default_value = paths::CRI)]
    pub runtime_endpoint: String,
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
pub const OWN: &str = "yes";

/// The largest message, in bytes: the kubelet's.
const MESSAGE: usize = 16 << 20;

/// Run a command's questions to their end.
pub fn ask<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start the event loop")?;
    runtime.block_on(work)
}

/// The error that the server answered.
#[expect(clippy::needless_pass_by_value, reason = "so that it can be given to map_err")]
pub fn told(status: Status) -> Error {
    Error::new(status.message())
}

/// The labels of the requests that together list a person's pods as well as the cluster's. One request is enough for an id.
pub fn with_own(id: &str, labels: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    if !id.is_empty() || labels.contains_key(OF_A_PERSON) {
        return vec![labels.clone()];
    }
    let mut own = labels.clone();
    own.insert(OF_A_PERSON.into(), OWN.into());
    vec![labels.clone(), own]
}

/// Labels as they are asked for, `NAME=VALUE`.
pub fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The part of an id that people use; all of it when they ask for that.
pub fn short(id: &str, whole: bool) -> String {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    if whole { id.to_owned() } else { id.chars().take(13).collect() }
}
