//! Images: used where they are there, pulled where they are not, as the pull policy says.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::reporter::Reporter;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;
use kubarium_core::Span;
use kubarium_core::api::Name;
use kubarium_core::runtime::{PodRef, RuntimeEvent};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// How long a pull may go without any progress.
const PULL_STALL_TIMEOUT: Duration = Duration::from_mins(5);

/// Sees that an image is there, and reports it.
pub(super) async fn ensure(
    engine: &Engine,
    pod: &PodRef,
    container: &Name,
    image: &Name,
    policy: &Name,
    cancel: &CancellationToken,
    report: &Reporter,
) {
    let failed = |reason: &'static str, message: String| RuntimeEvent::ImageFailed {
        pod: pod.clone(),
        container: container.clone(),
        reason: Name::new_static(reason),
        message,
    };
    let Some(reference) = reference(image) else {
        let message = format!(
            "Failed to apply default image tag \"{image}\": couldn't parse image name: invalid reference format"
        );
        return report.tell(failed("InvalidImageName", message)).await;
    };
    // One pull of an image at a time: who waited finds it there.
    let lock = match engine.images.lock() {
        Ok(mut images) => Arc::clone(images.entry(reference.clone()).or_default()),
        Err(_) => Arc::default(),
    };
    let work = async {
        let _turn = lock.lock().await;
        let present = present(engine, &reference).await;
        let found = match (present, policy.as_str()) {
            (Err(error), _) => return Err(failed("ErrImagePull", error.message)),
            (Ok(Some((image_id, size_bytes))), "IfNotPresent" | "Never") => Some((image_id, size_bytes, None)),
            (Ok(None), "Never") => {
                let message = format!("Container image \"{image}\" is not present with pull policy of Never");
                return Err(failed("ErrImageNeverPull", message));
            }
            _ => None,
        };
        let (image_id, size_bytes, pulled) = if let Some(found) = found {
            found
        } else {
            report.tell(RuntimeEvent::ImagePulling { pod: pod.clone(), container: container.clone() }).await;
            let start = Instant::now();
            engine
                .timed("pull_image", pull(engine, &reference))
                .await
                .map_err(|error| failed("ErrImagePull", error.message))?;
            let took = Span(i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX));
            match present_after(engine, &reference).await {
                Ok((id, size)) => (id, size, Some(took)),
                Err(error) => return Err(failed("ErrImagePull", error.message)),
            }
        };
        let (pod, container) = (pod.clone(), container.clone());
        Ok(RuntimeEvent::ImageReady { pod, container, image_id, pulled, size_bytes })
    };
    tokio::select! {
        result = work => report.tell(result.unwrap_or_else(|event| event)).await,
        () = cancel.cancelled() => {}
    }
}

async fn present(engine: &Engine, reference: &str) -> Result<Option<(Name, Option<u64>)>, EngineError> {
    match limited(CALL_TIMEOUT, engine.docker.inspect_image(reference)).await {
        Ok(found) => {
            let id = found.id.unwrap_or_default().into();
            Ok(Some((id, found.size.and_then(|s| u64::try_from(s).ok()))))
        }
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn present_after(engine: &Engine, reference: &str) -> Result<(Name, Option<u64>), EngineError> {
    let missing = || EngineError { status: None, message: "the pull ended, but the image is not there".to_owned() };
    present(engine, reference).await?.ok_or_else(missing)
}

async fn pull(engine: &Engine, reference: &str) -> Result<(), EngineError> {
    let _permit = engine.pulls.acquire().await;
    info!(node = %engine.node, image = reference, "pulling");
    let options = CreateImageOptionsBuilder::new().from_image(reference).build();
    let mut progress = std::pin::pin!(engine.docker.create_image(Some(options), None, None));
    loop {
        match tokio::time::timeout(PULL_STALL_TIMEOUT, progress.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(step))) => {
                if let Some(message) = step.error_detail.and_then(|e| e.message) {
                    return Err(EngineError { status: None, message });
                }
            }
            Ok(Some(Err(error))) => return Err(error.into()),
            Err(_) => {
                let message = format!("the pull made no progress for {} s", PULL_STALL_TIMEOUT.as_secs());
                return Err(EngineError { status: None, message });
            }
        }
    }
}

/// Whether an image's own user is not root. The error is Kubernetes' sentence.
pub(super) async fn check_not_root(engine: &Engine, image: &str) -> Result<(), String> {
    let reference = reference(image).unwrap_or_else(|| image.to_owned());
    let found = limited(CALL_TIMEOUT, engine.docker.inspect_image(&reference)).await.map_err(|e| e.message)?;
    let user = found.config.and_then(|c| c.user).unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default();
    match user.parse::<u64>() {
        Ok(0) => Err("container has runAsNonRoot and image will run as root".to_owned()),
        Ok(_) => Ok(()),
        Err(_) if user.is_empty() => Err("container has runAsNonRoot and image will run as root".to_owned()),
        Err(_) => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root"
        )),
    }
}

/// The full form of an image's name: with `:latest` where it names no tag and no digest. None for what is no name.
fn reference(image: &str) -> Option<String> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let (path, tag) = match name.rsplit_once(':') {
        // A colon before a slash is a registry's port.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let component = |c: &str| {
        c.bytes().all(|b| word(b) || matches!(b, b'.' | b'_' | b'-'))
            && c.bytes().next().is_some_and(word)
            && c.bytes().last().is_some_and(word)
    };
    let mut parts: Vec<&str> = path.split('/').collect();
    // The first may be a registry: a host name, maybe with a port.
    if parts.len() > 1 && (parts[0].contains(['.', ':']) || parts[0] == "localhost") {
        let registry = parts.remove(0);
        let host = registry.split_once(':').map_or(registry, |(host, _)| host);
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
            return None;
        }
    }
    let tag_fits = tag.is_none_or(|t| {
        (1..=128).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && !t.starts_with(['.', '-'])
    });
    let digest_fits = digest.is_none_or(|d| {
        d.split_once(':').is_some_and(|(_, hex)| hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if parts.is_empty() || !parts.iter().all(|p| component(p)) || !tag_fits || !digest_fits {
        return None;
    }
    Some(if tag.is_none() && digest.is_none() { format!("{image}:latest") } else { image.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn an_image_without_tag_means_latest_and_what_is_no_name_is_refused() {
        let digest = format!("app@sha256:{}", "0".repeat(64));
        for (image, expected) in [
            ("nginx", Some("nginx:latest")),
            ("nginx:1.27", Some("nginx:1.27")),
            ("library/nginx", Some("library/nginx:latest")),
            ("localhost:5000/app", Some("localhost:5000/app:latest")),
            ("registry.example:5000/team/app:v1", Some("registry.example:5000/team/app:v1")),
            (digest.as_str(), Some(digest.as_str())),
            ("", None),
            ("Nginx", None),
            ("nginx:", None),
            ("a b", None),
            ("nginx@sha256:1", None),
            ("/nginx", None),
            ("-x", None),
        ] {
            assert_eq!(reference(image).as_deref(), expected, "{image:?}");
        }
    }
}
