//! The answers in words: one sentence that says how it is, and what there is to know beside it.

use super::About;
use crate::pages::inspector::word;
use crate::state::{Address, Selection};
use crate::text::{Language, Text};
use kubarium_core::view::Rows;
use serde_json::Value;
use yew::prelude::*;

/// How many losses are listed; the command line lists them all.
const LOSSES: usize = 50;

/// How many pods of a loss are named.
const PODS: usize = 8;

/// The answer in one sentence.
pub(super) fn summary(about: About, answer: &Value, language: Language) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let of = |text, count: u64, all: &Value| language.fill(text, &[&count.to_string(), &all.to_string()]);
    match about {
        About::Remedies if list(&answer["items"]).next().is_none() => language.text(Text::NoRemedy).to_owned(),
        About::Remedies => language.text(Text::AnyRemedy).to_owned(),
        About::Fit if answer["fits"] == 0 => language.text(Text::NoneFits).to_owned(),
        About::Fit => language.fill(Text::MoreFit, &[&answer["fits"].to_string()]),
        About::Survival => {
            let single = &answer["single"];
            match list(&single["losses"]).count() {
                0 => language.text(Text::Survived).to_owned(),
                lost => of(Text::NotSurvived, lost as u64, &single["scheduled"]),
            }
        }
        About::Pairs => {
            let pairs = &answer["pairs"];
            let left = number(&pairs["notLookedAt"]);
            match number(&pairs["lost"]) + number(&pairs["withNodeLostAlone"]) {
                0 if left > 0 => of(Text::PairsLeft, left, &pairs["all"]),
                0 => language.text(Text::PairsSurvived).to_owned(),
                lost => of(Text::PairsNotSurvived, lost, &pairs["all"]),
            }
        }
    }
}

/// What there is beside the sentence. Nodes that there are can be opened.
pub(super) fn details(about: About, answer: &Value, rows: &Rows, address: &Address, language: Language) -> Html {
    let link = |name: &str| {
        if rows.node(name).is_none() {
            return name.into();
        }
        let to = address.clone().selecting(Some(Selection::new("Node", "", name)));
        html! { <a href={to.fragment()}>{ name }</a> }
    };
    match about {
        About::Remedies => {
            let item = |item: &Value| {
                let evicts: Vec<_> = list(&item["evicts"]).filter_map(Value::as_str).collect();
                html! {
                    <li>
                        { word(item, "message") }{ " → " }{ link(word(item, "node")) }
                        if !evicts.is_empty() {
                            <span class="quiet-text">{ " " }{ language.fill(Text::InPlaceOf, &[&evicts.join(language.comma())]) }</span>
                        }
                    </li>
                }
            };
            html! { <><p>{ word(answer, "message") }</p><ol>{ for list(&answer["items"]).map(item) }</ol></> }
        }
        About::Fit => {
            let refused = answer["refusal"]["message"].as_str().map(reason);
            let refused = refused.map(|message| html! { <p>{ language.fill(Text::NextRefused, &[message]) }</p> });
            refused.unwrap_or_default()
        }
        About::Survival | About::Pairs => {
            let losses: Vec<&Value> =
                list(&answer["single"]["losses"]).chain(list(&answer["pairs"]["losses"])).collect();
            let loss = |loss: &&Value| {
                let pods: Vec<&str> = list(&loss["homeless"]).map(|pod| word(pod, "name")).collect();
                let mut named = pods[..pods.len().min(PODS)].join(language.comma());
                if pods.len() > PODS {
                    named += &language.fill(Text::AndMore, &[&(pods.len() - PODS).to_string()]);
                }
                let nodes = list(&loss["nodes"]).filter_map(Value::as_str).enumerate();
                html! {
                    <li>
                        { for nodes.map(|(nth, node)| html! { <>{ if nth > 0 { " + " } else { "" } }{ link(node) }</> }) }{ ": " }
                        { language.fill(Text::Homeless, &[&pods.len().to_string(), &named]) }
                        <div class="quiet-text">{ reason(word(&loss["homeless"][0], "message")) }</div>
                    </li>
                }
            };
            let bare = list(&answer["bare"]).count();
            let more = losses.len().saturating_sub(LOSSES);
            html! {
                <>
                    if !losses.is_empty() { <ul>{ for losses.iter().take(LOSSES).map(loss) }</ul> }
                    if more > 0 { <p class="quiet-text">{ language.fill(Text::MoreLosses, &[&more.to_string()]) }</p> }
                    if bare > 0 { <p class="quiet-text">{ language.fill(Text::BarePods, &[&bare.to_string()]) }</p> }
                </>
            }
        }
    }
}

/// Why a pod has no node; what preemption came to is left out.
fn reason(message: &str) -> &str {
    message.find(". ").map_or(message, |end| &message[..=end])
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_reads_as_a_sentence_whatever_its_numbers() {
        let loss = json!({"nodes": ["n"], "homeless": []});
        let pairs = |lost: u32, implied: u32, left: u32| json!({"pairs": {"all": 10, "lost": lost, "withNodeLostAlone": implied, "notLookedAt": left, "losses": []}});
        for (about, answer, said) in [
            (About::Fit, json!({"fits": 0}), "Not one more fits."),
            (About::Fit, json!({"fits": 1}), "Room for 1 more."),
            (About::Fit, json!({"fits": 40}), "Room for 40 more."),
            (About::Remedies, json!({"items": []}), "Nothing that was tried would place it."),
            (About::Remedies, json!({"items": [{}]}), "Any one of these would do:"),
            (
                About::Survival,
                json!({"single": {"scheduled": 5, "losses": []}}),
                "Yes: every node was tried, and its replicas found another.",
            ),
            (
                About::Survival,
                json!({"single": {"scheduled": 5, "losses": [loss]}}),
                "No: 1 of 5 nodes cannot be lost without leaving pods homeless.",
            ),
            (About::Pairs, pairs(0, 0, 0), "Yes: whichever two nodes are lost, their replicas find others."),
            (About::Pairs, pairs(2, 4, 1), "No: 6 of 10 pairs of nodes cannot be lost without leaving pods homeless."),
            (About::Pairs, pairs(0, 0, 3), "Not found to fail, but 3 of 10 pairs of nodes were not tried."),
        ] {
            assert_eq!(summary(about, &answer, Language::English), said);
        }
    }
}
