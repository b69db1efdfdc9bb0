//! Why a pod is where it is, or why it is nowhere: a sentence, then how every node stands to it.
//!
//! Both are the scheduler's own reasons, asked of the API; nothing is guessed here.

use super::{time_of, word};
use crate::client::use_session;
use crate::components::span_text;
use crate::pages::ask::{About, Ask};
use crate::state::{Selection, use_address, use_feed, use_settings};
use crate::text::{Language, Text};
use kubarium_core::Time;
use kubarium_core::apiserver::Request;
use kubarium_core::order;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How many nodes are listed before more are asked for.
const ROWS_FIRST: usize = 8;

/// How many more come at a time.
const ROWS_MORE: usize = 100;

#[derive(PartialEq, Properties)]
pub(super) struct WhyProps {
    /// The pod.
    pub(super) selection: Selection,
}

#[component]
pub(super) fn Why(props: &WhyProps) -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let address = use_address();
    let session = use_session();
    let feed = use_feed(1_000);
    let answer = use_state(|| None::<Result<Value, String>>);
    let open = use_state(|| (String::new(), ROWS_FIRST));
    // Asked for again when the cluster has changed, once per second at most.
    use_effect_with((props.selection.clone(), feed.version()), {
        let answer = answer.clone();
        move |(pod, _)| {
            let path = format!("/apis/kubarium.io/v1/namespaces/{}/pods/{}/explanation", pod.namespace, pod.name);
            spawn_local(async move {
                let asked = session.ask(Request::get(path)).await;
                answer.set(Some(asked.and_then(|r| serde_json::from_str(&r.body).map_err(|e| e.to_string()))));
            });
        }
    });
    let explanation = match &*answer {
        None => return html! {},
        Some(Err(why)) => return html! { <p class="quiet-text" data-testid="why">{ why }</p> },
        Some(Ok(explanation)) => explanation,
    };
    let placed = word(&explanation["decision"]["placement"], "node");
    let mut nodes: Vec<&Value> = explanation["nodes"].as_array().into_iter().flatten().collect();
    // The chosen one, then the best; who refuses comes last, by what it says. The rest stays in the order of names.
    order::sort_by(&mut nodes, |a, b| rank(a, placed).cmp(&rank(b, placed)));
    let scored = nodes.iter().any(|n| n["score"].is_i64());
    let columns = if scored { "3" } else { "2" };
    let row = |node: &&Value, inner: bool| {
        let name = word(node, "name");
        let to = address.clone().selecting(Some(Selection::new("Node", "", name)));
        html! {
            <tr key={name.to_owned()} class={classes!((name == placed).then_some("is-selected"), inner.then_some("is-inner"))}>
                <th scope="row"><a href={to.fragment()}>{ name }</a></th>
                if scored { <td class="is-number">{ node["score"].as_i64() }</td> }
                <td class="quiet-text" title={counted(node)}>{ stand(node, language) }</td>
            </tr>
        }
    };
    // What is open, and how much of it is shown. Only that is in the page, however many nodes there are.
    let (opened, shown) = &*open;
    let set = |key: &str, count: usize| {
        let (open, key) = (open.clone(), key.to_owned());
        Callback::from(move |_: MouseEvent| open.set((key.clone(), count)))
    };
    let rows = nodes.chunk_by(|a, b| word(a, "stand") == word(b, "stand")).map(|group| {
        let key = word(group[0], "stand");
        let is_open = key == opened;
        let count = if is_open { *shown } else { ROWS_FIRST };
        // Those that would do are listed one by one, and so is who is alone with what it says.
        let listed = key.is_empty() || group.len() == 1;
        let left = group.len().saturating_sub(count);
        html! {
            <>
                if !listed {
                    <tr>
                        <th scope="rowgroup">
                            <button class="quiet" aria-expanded={is_open.to_string()} data-testid="why-group"
                                onclick={if is_open { set("", ROWS_FIRST) } else { set(key, ROWS_MORE) }}>
                                { language.fill(Text::ManyNodes, &[&group.len().to_string()]) }
                            </button>
                        </th>
                        if scored { <td></td> }
                        <td class="quiet-text">{ reasons(group, language) }</td>
                    </tr>
                }
                if listed || is_open { { for group.iter().take(count).map(|node| row(node, !listed)) } }
                if left > 0 && (listed || is_open) {
                    <tr><td colspan={columns}>
                        <button class="quiet" onclick={set(key, count + ROWS_MORE)} data-testid="why-more">
                            { language.fill(Text::ShowMore, &[&left.min(ROWS_MORE).to_string(), &left.to_string()]) }
                        </button>
                    </td></tr>
                }
            </>
        }
    });
    html! {
        <section class="why">
            <h3>{ t(if placed.is_empty() { Text::WhyPending } else { Text::WhyHere }) }</h3>
            <p data-testid="why">{ sentences(explanation, feed.clock().now, language) }</p>
            if placed.is_empty() {
                <Ask about={About::Remedies}
                    path={format!("namespaces/{}/pods/{}/remedies", props.selection.namespace, props.selection.name)} />
            }
            <div class="why-nodes">
                <table data-testid="why-nodes">
                    <caption class="unseen">{ t(Text::WhyNodes) }</caption>
                    <thead><tr>
                        <th scope="col">{ t(Text::Node) }</th>
                        if scored { <th scope="col" class="is-number">{ t(Text::ScoreNow) }</th> }
                        <th scope="col">{ t(Text::Reason) }</th>
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        </section>
    }
}

fn rank<'a>(node: &'a Value, placed: &str) -> (bool, &'a str, i64) {
    (word(node, "name") != placed, word(node, "stand"), -node["score"].as_i64().unwrap_or(0))
}

/// What each plugin counted for a node, that brought to 0 to 100, and that times its weight.
fn counted(node: &Value) -> String {
    let scores = node["scores"].as_array().into_iter().flatten();
    let each = scores.map(|s| format!("{}: {} → {} → {}", word(s, "plugin"), s["raw"], s["normalized"], s["weighted"]));
    each.collect::<Vec<_>>().join("\n")
}

/// What is in the way on all these nodes: with the numbers where they are the same on each.
fn reasons(nodes: &[&Value], language: Language) -> String {
    let Some(first) = nodes.first().map(|node| stand(node, language)) else { return String::new() };
    if nodes.iter().all(|node| stand(node, language) == first) {
        return first;
    }
    let reasons = nodes[0]["reasons"].as_array().into_iter().flatten();
    reasons.map(|reason| phrase(reason, language)).collect::<Vec<_>>().join(language.comma())
}

fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}

/// The decision in words, and what comes next for a pod that waits.
fn sentences(explanation: &Value, now: Time, language: Language) -> String {
    let decision = &explanation["decision"];
    let placement = &decision["placement"];
    let (node, feasible) = (word(placement, "node"), number(decision, "feasible"));
    let (score, fits) = (number(placement, "score").to_string(), feasible.to_string());
    let (second, margin) = (word(&placement["runnerUp"], "node"), number(placement, "margin"));
    let ahead = margin.abs().to_string();
    let mut said = Vec::new();
    if decision["recorded"] == false && !node.is_empty() {
        said.push(language.text(Text::WhyForgotten).to_owned());
    }
    said.push(match (node, feasible) {
        ("", 0) => language.text(Text::WhyNone).to_owned(),
        ("", _) => language.fill(Text::WhyRoom, &[&fits]),
        (node, 1) => language.fill(Text::WhyOnly, &[node]),
        (node, _) if placement["score"].is_null() => language.fill(Text::WhyTurn, &[node, &fits]),
        (node, _) if second.is_empty() => language.fill(Text::WhyOnly, &[node]),
        (node, _) if margin == 0 => language.fill(Text::WhyTie, &[node, &fits, &score, second]),
        (node, _) if margin < 0 => language.fill(Text::WhyBehind, &[node, &score, second, &ahead]),
        (node, _) => language.fill(Text::WhyBest, &[node, &fits, &score, &ahead, second]),
    });
    let refusals: Vec<&Value> = decision["refusals"].as_array().into_iter().flatten().collect();
    if !refusals.is_empty() {
        // Nodes refuse for the same in several ways: some could be helped by preemption, some not.
        let mut reasons: Vec<(String, i64)> = Vec::new();
        for refusal in &refusals {
            for reason in refusal["reasons"].as_array().into_iter().flatten() {
                let (why, nodes) = (phrase(reason, language), number(refusal, "nodes"));
                match reasons.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, count)) => *count += nodes,
                    None => reasons.push((why, nodes)),
                }
            }
        }
        let reasons = reasons.into_iter().map(|(why, nodes)| format!("{why} ({nodes})"));
        let refused: i64 = refusals.iter().map(|r| number(r, "nodes")).sum();
        said.push(language.fill(
            Text::WhyRefused,
            &[
                &refused.to_string(),
                &number(decision, "nodes").to_string(),
                &reasons.collect::<Vec<_>>().join(language.comma()),
            ],
        ));
    }
    if let Some(node) = decision["preemption"]["node"].as_str() {
        let victims = decision["preemption"]["victims"].as_array().into_iter().flatten().map(|v| word(v, "name"));
        let victims = victims.collect::<Vec<_>>().join(language.comma());
        said.push(language.fill(Text::Preempts, &[node, &victims]));
    }
    let queue = &explanation["queue"];
    let again = time_of(word(queue, "retryTime")).map(|at| span_text(at.since(now))).unwrap_or_default();
    let waits = match word(queue, "place") {
        "Active" => Some(Text::WaitsInLine),
        "BackOff" => Some(Text::WaitsBackOff),
        "Unschedulable" => Some(Text::WaitsForChange),
        "Gated" => Some(Text::WaitsGated),
        _ => None,
    };
    said.extend(waits.map(|text| language.fill(text, &[&again])));
    said.join(language.space())
}

/// A reason in few words.
fn phrase(reason: &Value, language: Language) -> String {
    let text = match word(reason, "reason") {
        "Insufficient" => return language.fill(Text::TooLittle, &[word(reason, "resource")]),
        "Cordoned" => Text::IsCordoned,
        "NodeName" => Text::OtherNodeNamed,
        "Taint" => Text::TaintNotTolerated,
        "NodeAffinity" | "OtherNodesNamed" => Text::AffinityExcludes,
        "Ports" => Text::PortTaken,
        "TooManyPods" => Text::TooManyPods,
        _ => return word(reason, "message").to_owned(),
    };
    language.text(text).to_owned()
}

/// How a node stands: what each plugin gives it, or why it refuses, with the numbers.
fn stand(node: &Value, language: Language) -> String {
    let scores = node["scores"].as_array().into_iter().flatten().map(|s| {
        let plugin = match word(s, "plugin") {
            "NodeResourcesFit" => language.text(Text::ScoreFree),
            "NodeResourcesBalancedAllocation" => language.text(Text::ScoreBalance),
            plugin => plugin,
        };
        format!("{plugin} {}", number(s, "weighted"))
    });
    let reasons = node["reasons"].as_array().into_iter().flatten().map(|reason| {
        let why = phrase(reason, language);
        let amount = |key: &str| word(reason, key).to_owned();
        if let Some(key) = reason["taint"]["key"].as_str() {
            let taint = format!("{key}={}:{}", word(&reason["taint"], "value"), word(&reason["taint"], "effect"));
            format!("{why}: {}", taint.replace("=:", ":"))
        } else if reason["requested"].is_string() && reason["allocatable"] == "0" {
            format!("{why}: {}", language.text(Text::HasNone))
        } else if reason["requested"].is_string() {
            let numbers = [amount("requested"), amount("used"), amount("allocatable")];
            let numbers = language.fill(Text::NeedsOf, &[&numbers[0], &numbers[1], &numbers[2]]);
            format!("{why}: {numbers}")
        } else {
            why
        }
    });
    // Scores add up, reasons stand beside each other; a node has the one or the other.
    let said = [scores.collect::<Vec<_>>().join(" + "), reasons.collect::<Vec<_>>().join(language.comma())].concat();
    if said.is_empty() { language.text(Text::Fits).to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decision_reads_as_a_sentence() {
        let best = json!({"feasible": 3, "nodes": 5, "placement": {
            "node": "n3", "score": 170, "margin": 2, "runnerUp": {"node": "n1", "score": 168}},
            "refusals": [{"nodes": 2, "reasons": [{"reason": "Insufficient", "resource": "cpu"}]}]});
        let tie = json!({"feasible": 2, "nodes": 2, "placement": {
            "node": "a", "score": 170, "margin": 0, "runnerUp": {"node": "b", "score": 170}}});
        let turn = json!({"feasible": 2, "nodes": 2, "placement": {"node": "a"}});
        let behind = json!({"recorded": false, "feasible": 2, "nodes": 2, "placement": {
            "node": "a", "score": 90, "margin": -3, "runnerUp": {"node": "b", "score": 93}}});
        let none = json!({"feasible": 0, "nodes": 5, "refusals": [
            {"nodes": 1, "reasons": [{"reason": "Cordoned"}, {"reason": "Insufficient", "resource": "cpu"}]},
            {"nodes": 4, "reasons": [{"reason": "Insufficient", "resource": "cpu"}]}]});
        for (decision, said) in [
            (
                best,
                "n3 scores best of 3 nodes that fit: 170, ahead of n1 by 2. Refused by 2 of 5 nodes: too little cpu (2).",
            ),
            (tie, "a scores best of 2 nodes that fit: 170, as many as b; the seed decided."),
            (turn, "a was next in turn of 2 nodes that fit."),
            (
                behind,
                "The decision was made before a restart and is not known any more; this is how things are now. \
                      a scores 90, and b would score more by 3.",
            ),
            (none, "No node takes it. Refused by 5 of 5 nodes: cordoned (1), too little cpu (5)."),
        ] {
            let explanation = json!({ "decision": decision });
            assert_eq!(sentences(&explanation, Time::EPOCH, Language::English), said);
        }
    }

    #[test]
    fn a_node_says_its_scores_or_what_is_in_the_way() {
        for (node, said) in [
            (
                json!({"scores": [{"plugin": "NodeResourcesFit", "weighted": 86}, {"plugin": "Mine", "weighted": 4}]}),
                "free 86 + Mine 4",
            ),
            (
                json!({"reasons": [{"reason": "Insufficient", "resource": "cpu", "requested": "2", "used": "500m",
                "allocatable": "1"}]}),
                "too little cpu: needs 2, 500m of 1 in use",
            ),
            (
                json!({"reasons": [{"reason": "Insufficient", "resource": "gpu", "requested": "1", "used": "0",
                "allocatable": "0"}]}),
                "too little gpu: the node has none",
            ),
            (
                json!({"reasons": [{"reason": "Taint", "taint": {"key": "k", "value": "", "effect": "NoExecute"}}]}),
                "taint not tolerated: k:NoExecute",
            ),
            (json!({"reasons": [{"reason": "New", "message": "as upstream says"}]}), "as upstream says"),
            (json!({"feasible": true}), "fits"),
        ] {
            assert_eq!(stand(&node, Language::English), said);
        }
    }
}
