//! Work away from the event loop.

use kit::{Context, Result};

/// Run what blocks away from the event loop.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.doing("run a task")?
}
