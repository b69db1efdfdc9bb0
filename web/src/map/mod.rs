//! The cluster map.

use yew::prelude::*;

#[component]
pub(crate) fn ClusterMap() -> Html {
    html! { <canvas data-testid="map" /> }
}
