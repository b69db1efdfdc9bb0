//! The body of a request, up to a size.

use super::problem;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use kubarium_core::api::Reason;

/// Largest body, in bytes, as Kubernetes takes it.
const BYTES_MAX: usize = 3 << 20;

/// So many bytes are taken in, though those beyond the largest body are thrown away: a client that is cut off while it
/// sends would not hear why.
const BYTES_HEARD_MAX: usize = 64 << 20;

/// All of it, or the refusal.
pub(super) async fn whole(body: Body) -> Result<Bytes, Box<Response>> {
    let (mut stream, mut kept, mut heard) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return Err(Box::new(problem::status(400, Reason::BadRequest, "the body is cut off")));
        };
        heard += chunk.len();
        if heard <= BYTES_MAX {
            kept.extend_from_slice(&chunk);
        } else if heard > BYTES_HEARD_MAX {
            break;
        }
    }
    if heard > BYTES_MAX {
        let message = format!("the body is larger than {BYTES_MAX} bytes");
        return Err(Box::new(problem::status(413, Reason::RequestEntityTooLarge, message)));
    }
    Ok(kept.into())
}
