//! Questions of what would be if: asked when somebody wants to know, for the answers take their time. The core finds
//! them by really scheduling, and words them; a server does, or a thread of the page for the page's own simulation.

mod told;

use super::inspector::{time_of, word};
use crate::client::{Session, granted, use_session};
use crate::components::clock_text;
use crate::state::{use_address, use_settings};
use crate::text::Text;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use kubarium_core::apiserver::Request;
use serde_json::Value;
use std::pin::pin;
use told::{details, summary};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The smallest changes that would place a pod.
    Remedies,
    /// How many more replicas there could be.
    Fit,
    /// Whether the loss of any one node is survived.
    Survival,
    /// Whether the loss of any two nodes is.
    Pairs,
}

#[derive(PartialEq, Properties)]
pub(super) struct AskProps {
    pub(super) about: About,
    /// Where the answer is found, behind our group and version.
    pub(super) path: String,
}

/// How far it is.
enum Stage {
    /// Nobody asked.
    Idle,
    /// It is looked for; how many percent of a copy of the cluster are there, where one is made.
    Asking(Option<u32>),
    Told(Result<Value, String>),
}

/// A button, and below it the answer.
#[component]
pub(super) fn Ask(props: &AskProps) -> Html {
    let language = use_settings().language;
    let address = use_address();
    let session = use_session();
    let stage = use_state(|| Stage::Idle);
    // Dropped, it ends the search: when somebody cancels, and when the question is not shown any more.
    let stop = use_mut_ref(|| None::<oneshot::Sender<()>>);
    use_effect_with(session.clone(), {
        let (stage, stop) = (stage.clone(), stop.clone());
        move |_| {
            stop.take();
            stage.set(Stage::Idle);
        }
    });
    let (label, testid) = match props.about {
        About::Remedies => (Text::AskRemedies, "ask-remedies"),
        About::Fit => (Text::AskFit, "ask-fit"),
        About::Survival => (Text::AskSurvival, "ask-survival"),
        About::Pairs => (Text::AskPairs, "ask-pairs"),
    };
    let asking = matches!(*stage, Stage::Asking(_));
    let onclick = {
        let (stage, session, request) = (stage.clone(), session.clone(), request(props));
        Callback::from(move |event: MouseEvent| {
            if event.detail() > 1 {
                // The second click of a double one is no wish to cancel.
                return;
            }
            if stop.take().is_some() && asking {
                return stage.set(Stage::Idle);
            }
            let (sender, stopped) = oneshot::channel();
            stop.replace(Some(sender));
            stage.set(Stage::Asking(None));
            let report = {
                let stage = stage.clone();
                Callback::from(move |percent| stage.set(Stage::Asking((percent < 100).then_some(percent))))
            };
            let (stage, answer) = (stage.clone(), answer(session.clone(), request.clone(), report));
            spawn_local(async move {
                if let Either::Right((answer, _)) = select(stopped, pin!(answer)).await {
                    stage.set(Stage::Told(answer));
                }
            });
        })
    };
    let said = match &*stage {
        Stage::Idle | Stage::Told(Err(_)) => String::new(),
        Stage::Asking(percent) => {
            let doing = if percent.is_some() { Text::PlayedAgain } else { Text::Asking };
            [label, doing].map(|text| language.text(text)).join(language.space())
        }
        Stage::Told(Ok(answer)) => summary(props.about, answer, language),
    };
    // Virtual time has run on meanwhile.
    let as_at = match &*stage {
        Stage::Told(Ok(answer)) if session.client.control().is_some() => time_of(word(answer, "time")),
        _ => None,
    };
    let as_at = as_at.map(|at| language.fill(Text::AsAt, &[&clock_text(at.since(session.feed.clock().start))]));
    html! {
        <section class="ask">
            <button {onclick} data-testid={testid}>
                { language.text(if asking { Text::Cancel } else { label }) }
            </button>
            <div class="ask-told" data-testid={format!("{testid}-told")}>
                <p role="status" class={classes!(asking.then_some("quiet-text"))}>{ said }</p>
                { match &*stage {
                    Stage::Asking(Some(percent)) => html! {
                        <progress max="100" value={percent.to_string()} aria-label={language.text(Text::PlayedAgain)} />
                    },
                    Stage::Told(Err(why)) => html! { <p class="field-error" role="alert">{ why }</p> },
                    Stage::Told(Ok(answer)) => html! {
                        <>
                            { details(props.about, answer, &session.feed.rows(), &address, language) }
                            { for as_at.map(|text| html! { <p class="quiet-text">{ text }</p> }) }
                        </>
                    },
                    _ => html! {},
                } }
            </div>
        </section>
    }
}

fn request(props: &AskProps) -> Request {
    let mut request = Request::get(format!("/apis/kubarium.io/v1/{}", props.path));
    if props.about == About::Pairs {
        "nodes=2".clone_into(&mut request.query);
    }
    request
}

async fn answer(session: Session, request: Request, report: Callback<u32>) -> Result<Value, String> {
    let response = match session.client.simulation() {
        Some(simulation) => simulation.foresee(request, report).await,
        None => session.client.request(request).await,
    };
    let body = granted(response)?.body;
    serde_json::from_str(&body).map_err(|error| error.to_string())
}
