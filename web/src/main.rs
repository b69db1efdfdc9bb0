//! The dashboard.

use yew::prelude::*;

/// The page while there is nothing to show yet: it proves that the bundle is built, served and started.
#[component]
fn App() -> Html {
    html! { <main><h1>{ "Kubarium" }</h1></main> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
