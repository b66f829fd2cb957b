//! A client of the CRI on a Unix socket: gRPC's HTTP/2 and nothing around it.

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context as Waker, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kit::{Context, Result};
use tokio::net::UnixStream;
use tonic::body::Body;
use tonic::codegen::{Service, http};

use crate::image_service_client::ImageServiceClient;
use crate::runtime_service_client::RuntimeServiceClient;

/// One connection, shared by the clients of both services.
#[derive(Clone)]
pub struct Channel(SendRequest<Body>);

/// Both services at a socket.
pub async fn connect(path: &Path) -> Result<(RuntimeServiceClient<Channel>, ImageServiceClient<Channel>)> {
    let socket = UnixStream::connect(path).await.on("reach the CRI server at", path)?;
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(socket)).await.on("greet the CRI server at", path)?;
    // Its end is seen by the next call.
    tokio::spawn(connection);
    let origin = http::Uri::from_static("http://localhost");
    let channel = Channel(sender);
    Ok((RuntimeServiceClient::with_origin(channel.clone(), origin.clone()), ImageServiceClient::with_origin(channel, origin)))
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, waker: &mut Waker<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(waker)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut sender = self.0.clone();
        Box::pin(async move {
            poll_fn(|waker| sender.poll_ready(waker)).await?;
            sender.send_request(request).await
        })
    }
}
