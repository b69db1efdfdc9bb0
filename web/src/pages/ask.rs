//! Questions of what would be if: asked when somebody wants to know, for the answers take their time. The core finds
//! them by really scheduling, and words them. A simulation in the page has no room for that: a server is asked.

use super::inspector::word;
use crate::client::use_session;
use crate::state::{Selection, World, use_address, use_settings};
use crate::text::Text;
use kubarium_core::apiserver::Request;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How many losses are listed; the command line lists them all.
const LOSSES: usize = 50;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The smallest changes that would place a pod.
    Remedies,
    /// How many more replicas there could be.
    Fit,
    /// Whether the loss of any one node is survived.
    Survival,
}

#[derive(PartialEq, Properties)]
pub(super) struct AskProps {
    pub(super) about: About,
    /// Where the answer is found, behind our group and version.
    pub(super) path: String,
}

/// A button, and below it the answer.
#[component]
pub(super) fn Ask(props: &AskProps) -> Html {
    let language = use_settings().language;
    let address = use_address();
    let session = use_session();
    let world = session.world;
    let answer = use_state(|| None::<Option<Result<Value, String>>>);
    let (label, testid) = match props.about {
        About::Remedies => (Text::AskRemedies, "ask-remedies"),
        About::Fit => (Text::AskFit, "ask-fit"),
        About::Survival => (Text::AskSurvival, "ask-survival"),
    };
    let onclick = {
        let (answer, path) = (answer.clone(), format!("/apis/kubarium.io/v1/{}", props.path));
        Callback::from(move |_: MouseEvent| {
            let (answer, session, path) = (answer.clone(), session.clone(), path.clone());
            answer.set(Some(None));
            spawn_local(async move {
                let asked = session.ask(Request::get(path)).await;
                let read = asked.and_then(|r| serde_json::from_str(&r.body).map_err(|e| e.to_string()));
                answer.set(Some(Some(read)));
            });
        })
    };
    let link = |name: &str| {
        let to = address.clone().selecting(Some(Selection::new("Node", "", name)));
        html! { <a href={to.fragment()}>{ name }</a> }
    };
    // In a simulation of the page's own nobody can answer.
    if world != World::Live {
        return html! {};
    }
    let told = match &*answer {
        None => html! {},
        Some(None) => html! { <p class="quiet-text" role="status">{ language.text(Text::Asking) }</p> },
        Some(Some(Err(why))) => html! { <p class="field-error" role="alert">{ why }</p> },
        Some(Some(Ok(value))) => match props.about {
            About::Remedies => {
                let items: Vec<&Value> = list(&value["items"]).collect();
                let item = |item: &&Value| {
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
                if items.is_empty() {
                    html! { <p>{ language.text(Text::NoRemedy) }</p> }
                } else {
                    html! { <ol>{ for items.iter().map(item) }</ol> }
                }
            }
            About::Fit => {
                let fits = value["fits"].to_string();
                html! {
                    <p>
                        { language.fill(Text::MoreFit, &[&fits]) }{ language.space() }
                        if let Some(message) = value["refusal"]["message"].as_str() {
                            { language.fill(Text::NextRefused, &[message]) }
                        }
                    </p>
                }
            }
            About::Survival => {
                let losses: Vec<&Value> = list(&value["single"]["losses"]).collect();
                let bare = list(&value["bare"]).count();
                let loss = |loss: &&Value| {
                    let pods: Vec<&str> = list(&loss["homeless"]).map(|pod| word(pod, "name")).collect();
                    html! {
                        <li>
                            { link(loss["nodes"][0].as_str().unwrap_or_default()) }{ ": " }
                            { language.fill(Text::Homeless, &[&pods.len().to_string(), &pods.join(language.comma())]) }
                        </li>
                    }
                };
                let count = losses.len().to_string();
                html! {
                    <>
                        <p>
                            if losses.is_empty() { { language.text(Text::Survived) } }
                            else { { language.fill(Text::NotSurvived, &[&count]) } }
                            if bare > 0 { { language.space() }{ language.fill(Text::BarePods, &[&bare.to_string()]) } }
                        </p>
                        <ul>{ for losses.iter().take(LOSSES).map(loss) }</ul>
                        if losses.len() > LOSSES {
                            <p class="quiet-text">{ language.fill(Text::MoreLosses, &[&(losses.len() - LOSSES).to_string()]) }</p>
                        }
                    </>
                }
            }
        },
    };
    html! {
        <section class="ask">
            <button {onclick} data-testid={testid} disabled={matches!(*answer, Some(None))}>{ language.text(label) }</button>
            <div data-testid={format!("{testid}-told")}>{ told }</div>
        </section>
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
