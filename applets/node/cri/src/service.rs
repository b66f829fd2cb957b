//! The table of all RPCs: which function answers which, and which ones wait for their turn to be written.
//!
//! `ask` only looks (or takes care of itself, as a pull does), and is dropped when its caller goes away. `change` runs to its end
//! whatever its caller does, so that nothing is left half-made. `stream` answers bit by bit. `later` and `later_stream` answer
//! Unimplemented: this is the one list of what is not real yet.

use kit::{Error, Kind, Result};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::rpc;
use crate::server::{Server, Shared};
use crate::status;
use cri_api::image_service_server::ImageService;
use cri_api::runtime_service_server::RuntimeService;
#[allow(clippy::wildcard_imports, reason = "the table names every message")]
use cri_api::*;

/// Answers RPCs.
#[derive(Clone)]
pub struct Service(pub Shared);

macro_rules! rpcs {
    ($service:ident:
        ask { $($asked:ident::$ask:ident($ask_in:ty) -> $ask_out:ty;)* }
        change { $($changed:ident::$change:ident($change_in:ty) -> $change_out:ty;)* }
        stream { $($streamed:ident::$flow:ident($flow_in:ty) -> $flow_name:ident of $flow_out:ty;)* }
        later { $($later:ident($later_in:ty) -> $later_out:ty;)* }
        later_stream { $($stream:ident($stream_in:ty) -> $name:ident of $stream_out:ty;)* }
    ) => {
        #[tonic::async_trait]
        impl $service for Service {
            $(async fn $ask(&self, request: Request<$ask_in>) -> Result<Response<$ask_out>, Status> {
                said(&self.0, stringify!($ask), rpc::$asked::$ask(&self.0, request.into_inner()).await)
            })*
            $(async fn $change(&self, request: Request<$change_in>) -> Result<Response<$change_out>, Status> {
                let server = self.0.clone();
                let work = async move { rpc::$changed::$change(&server, request.into_inner()).await };
                let done = tokio::spawn(work).await.map_err(|e| Status::internal(e.to_string()))?;
                said(&self.0, stringify!($change), done)
            })*
            $(type $flow_name = BoxStream<$flow_out>;
            async fn $flow(&self, request: Request<$flow_in>) -> Result<Response<Self::$flow_name>, Status> {
                said(&self.0, stringify!($flow), rpc::$streamed::$flow(&self.0, request.into_inner()).await)
            })*
            $(async fn $later(&self, _: Request<$later_in>) -> Result<Response<$later_out>, Status> {
                Err(not_yet(stringify!($later)))
            })*
            $(type $name = BoxStream<$stream_out>;
            async fn $stream(&self, _: Request<$stream_in>) -> Result<Response<Self::$name>, Status> {
                Err(not_yet(stringify!($stream)))
            })*
        }
    };
}

rpcs! { RuntimeService:
    ask {
        version::version(VersionRequest) -> VersionResponse;
        status::status(StatusRequest) -> StatusResponse;
        runtime_config::runtime_config(RuntimeConfigRequest) -> RuntimeConfigResponse;
        pod_sandbox_status::pod_sandbox_status(PodSandboxStatusRequest) -> PodSandboxStatusResponse;
        list_pod_sandbox::list_pod_sandbox(ListPodSandboxRequest) -> ListPodSandboxResponse;
        container_status::container_status(ContainerStatusRequest) -> ContainerStatusResponse;
        list_containers::list_containers(ListContainersRequest) -> ListContainersResponse;
        container_stats::container_stats(ContainerStatsRequest) -> ContainerStatsResponse;
        container_stats::list_container_stats(ListContainerStatsRequest) -> ListContainerStatsResponse;
        pod_sandbox_stats::pod_sandbox_stats(PodSandboxStatsRequest) -> PodSandboxStatsResponse;
        pod_sandbox_stats::list_pod_sandbox_stats(ListPodSandboxStatsRequest) -> ListPodSandboxStatsResponse;
        exec_sync::exec_sync(ExecSyncRequest) -> ExecSyncResponse;
        exec::exec(ExecRequest) -> ExecResponse;
        attach::attach(AttachRequest) -> AttachResponse;
        port_forward::port_forward(PortForwardRequest) -> PortForwardResponse;
    }
    change {
        update_runtime_config::update_runtime_config(UpdateRuntimeConfigRequest) -> UpdateRuntimeConfigResponse;
        run_pod_sandbox::run_pod_sandbox(RunPodSandboxRequest) -> RunPodSandboxResponse;
        stop_pod_sandbox::stop_pod_sandbox(StopPodSandboxRequest) -> StopPodSandboxResponse;
        remove_pod_sandbox::remove_pod_sandbox(RemovePodSandboxRequest) -> RemovePodSandboxResponse;
        create_container::create_container(CreateContainerRequest) -> CreateContainerResponse;
        start_container::start_container(StartContainerRequest) -> StartContainerResponse;
        stop_container::stop_container(StopContainerRequest) -> StopContainerResponse;
        remove_container::remove_container(RemoveContainerRequest) -> RemoveContainerResponse;
        reopen_container_log::reopen_container_log(ReopenContainerLogRequest) -> ReopenContainerLogResponse;
        update_container_resources::update_container_resources(UpdateContainerResourcesRequest)
            -> UpdateContainerResourcesResponse;
        update_pod_sandbox_resources::update_pod_sandbox_resources(UpdatePodSandboxResourcesRequest)
            -> UpdatePodSandboxResourcesResponse;
    }
    stream {
        get_container_events::get_container_events(GetEventsRequest) -> GetContainerEventsStream of ContainerEventResponse;
        list_pod_sandbox::stream_pod_sandboxes(StreamPodSandboxesRequest) -> StreamPodSandboxesStream of StreamPodSandboxesResponse;
        list_containers::stream_containers(StreamContainersRequest) -> StreamContainersStream of StreamContainersResponse;
        container_stats::stream_container_stats(StreamContainerStatsRequest)
            -> StreamContainerStatsStream of StreamContainerStatsResponse;
        pod_sandbox_stats::stream_pod_sandbox_stats(StreamPodSandboxStatsRequest)
            -> StreamPodSandboxStatsStream of StreamPodSandboxStatsResponse;
    }
    later {
        list_metric_descriptors(ListMetricDescriptorsRequest) -> ListMetricDescriptorsResponse;
        list_pod_sandbox_metrics(ListPodSandboxMetricsRequest) -> ListPodSandboxMetricsResponse;
        checkpoint_container(CheckpointContainerRequest) -> CheckpointContainerResponse;
        checkpoint_pod(CheckpointPodRequest) -> CheckpointPodResponse;
        restore_pod(RestorePodRequest) -> RestorePodResponse;
    }
    later_stream {
        stream_pod_sandbox_metrics(StreamPodSandboxMetricsRequest) -> StreamPodSandboxMetricsStream of StreamPodSandboxMetricsResponse;
    }
}

rpcs! { ImageService:
    ask {
        image_status::image_status(ImageStatusRequest) -> ImageStatusResponse;
        list_images::list_images(ListImagesRequest) -> ListImagesResponse;
        image_fs_info::image_fs_info(ImageFsInfoRequest) -> ImageFsInfoResponse;
        pull_image::pull_image(PullImageRequest) -> PullImageResponse;
    }
    change {
        remove_image::remove_image(RemoveImageRequest) -> RemoveImageResponse;
    }
    stream {
        list_images::stream_images(StreamImagesRequest) -> StreamImagesStream of StreamImagesResponse;
    }
    later {}
    later_stream {}
}

/// The answer, which goes to the caller; a failure also goes to the log of those who look for one, since callers tend to swallow it.
fn said<T>(server: &Server, rpc: &str, answer: Result<T>) -> Result<Response<T>, Status> {
    answer.map(Response::new).map_err(|e| {
        let e = located(e, server);
        if !status::is_usual(e.kind()) {
            tracing::warn!(rpc, error = e.message(), "failed");
        }
        status::status(&e)
    })
}

/// The same error; one for want of room says where.
fn located(e: Error, server: &Server) -> Error {
    let full = (e.kind() == Kind::Full).then(|| image::room::full(&server.directories())).flatten();
    match full {
        Some(place) => e.below(format_args!("{} is full", place.display())),
        None => e,
    }
}

fn not_yet(rpc: &str) -> Status {
    Status::unimplemented(format!("{rpc} is not implemented yet"))
}
