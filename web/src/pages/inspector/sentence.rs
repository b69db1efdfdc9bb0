//! One sentence that says how an object is, in plain words with Kubernetes' term in them.

use crate::components::{bytes_text, cpu_text, span_text, state_text};
use crate::pages::nodes::readiness_text;
use crate::state::{Feed, Selection};
use crate::text::{Language, Text};
use kubarium_core::view::{NodeReadiness, PodState};

pub(super) fn sentence(selection: &Selection, feed: &Feed, language: Language) -> String {
    let gone = || language.fill(Text::ObjectGone, &[&selection.kind, &selection.name]);
    match selection.kind.as_str() {
        "Pod" => pod(selection, feed, language),
        "Node" => node(selection, feed, language),
        "ReplicationController" => controller(selection, feed, language),
        "Service" => service(selection, feed, language),
        _ => None,
    }
    .unwrap_or_else(gone)
}

fn pod(selection: &Selection, feed: &Feed, language: Language) -> Option<String> {
    let rows = feed.rows();
    let pod = rows.pod(rows.pod_slot(&selection.namespace, &selection.name)?)?;
    let state = language.text(state_text(pod.state));
    let place = if pod.node.is_empty() {
        language.text(Text::NoNodeYet).to_owned()
    } else {
        language.fill(Text::OnNode, &[&pod.node])
    };
    let wants =
        language.fill(Text::Requests, &[&cpu_text(pod.requests.cpu_milli), &bytes_text(pod.requests.memory_bytes)]);
    let why = if pod.message.is_empty() { pod.reason.to_string() } else { pod.message.to_string() };
    let stop = if language == Language::Chinese { "。" } else { ". " };
    let mut said = format!("{state}: {place}{stop}{wants}{stop}");
    // Why it has no node is told in full below.
    if !why.is_empty() && !pod.node.is_empty() && pod.state != PodState::Ready {
        said.push_str(&why);
    }
    Some(said.trim_end().to_owned())
}

fn node(selection: &Selection, feed: &Feed, language: Language) -> Option<String> {
    let rows = feed.rows();
    let place = rows.places().get(selection.name.as_str())?;
    let node = place.node.as_ref()?;
    let free = |has: i64, used: i64| has.saturating_sub(used).max(0);
    let mut said = language.fill(
        Text::NodeSentence,
        &[
            language.text(readiness_text(node.readiness)),
            &place.requested.pods.to_string(),
            &cpu_text(free(node.allocatable.cpu_milli, place.requested.cpu_milli)),
            &bytes_text(free(node.allocatable.memory_bytes, place.requested.memory_bytes)),
        ],
    );
    if node.cordoned {
        said.push(' ');
        said.push_str(language.text(Text::CordonedSentence));
    }
    if node.readiness != NodeReadiness::Ready {
        said.push(' ');
        said.push_str(&node.message);
    }
    if let Some(countdown) = feed.countdown(&node.name) {
        use crate::worker::protocol::Stage;
        let ahead = || span_text(countdown.at.since(feed.clock().now));
        let (text, what) = match countdown.stage {
            Stage::Grace => (Text::GraceIn, ahead()),
            Stage::Eviction => (Text::EvictionIn, ahead()),
            Stage::Replacement => (Text::Replacing, countdown.pods.to_string()),
        };
        said.push(' ');
        said.push_str(&language.fill(text, &[&what]));
    }
    Some(said)
}

fn controller(selection: &Selection, feed: &Feed, language: Language) -> Option<String> {
    let rows = feed.rows();
    let row = rows.controllers().values().find(|c| c.namespace == selection.namespace && c.name == selection.name)?;
    let numbers = [row.desired, row.current, row.ready].map(|n| n.to_string());
    Some(language.fill(Text::ControllerSentence, &[&numbers[0], &numbers[1], &numbers[2]]))
}

fn service(selection: &Selection, feed: &Feed, language: Language) -> Option<String> {
    let rows = feed.rows();
    let row = rows.services().values().find(|s| s.namespace == selection.namespace && s.name == selection.name)?;
    Some(if row.ready == 0 {
        language.fill(Text::ServiceBare, &[&row.cluster_ip])
    } else {
        language.fill(Text::ServiceSentence, &[&row.cluster_ip, &row.ready.to_string()])
    })
}
