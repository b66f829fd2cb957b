//! A list that is answered as a stream of shorter ones, because one gRPC message has a limit.

use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::Stream;

/// Items a message: some hundred statuses with their labels stay far below the 16 MiB that the kubelet takes.
const PIECE: usize = 100;

struct Pieces<T, R> {
    items: std::vec::IntoIter<T>,
    wrap: fn(Vec<T>) -> R,
}

/// Each item in one message; none of them is empty, so that a list of nothing is a stream of nothing.
pub fn stream<T: Send + 'static, R: Send + 'static>(items: Vec<T>, wrap: fn(Vec<T>) -> R) -> BoxStream<R> {
    Box::pin(Pieces { items: items.into_iter(), wrap })
}

// Nothing in it points into itself.
impl<T, R> Unpin for Pieces<T, R> {}

impl<T, R> Stream for Pieces<T, R> {
    type Item = Result<R, Status>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece: Vec<T> = self.items.by_ref().take(PIECE).collect();
        Poll::Ready((!piece.is_empty()).then(|| Ok((self.wrap)(piece))))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn every_item_comes_once() {
        let mut stream = stream((0..250).collect(), |piece: Vec<i32>| piece);
        let mut waker = Context::from_waker(Waker::noop());
        let mut pieces = Vec::new();
        while let Poll::Ready(Some(piece)) = stream.as_mut().poll_next(&mut waker) {
            pieces.push(piece.unwrap_or_default());
        }
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
        assert_eq!(pieces.concat(), (0..250).collect::<Vec<_>>());
    }
}
