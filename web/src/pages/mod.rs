//! The pages and the inspector: plain functions of feed and address.
//!
//! Pages never keep what is selected, filtered or sorted: the address does. They change the cluster only through
//! [`crate::client::Session::change`] (with the way back) or, in a simulation, through its control.

mod inspector;

pub(crate) use inspector::Inspector;

use crate::map::ClusterMap;
use crate::state::Page;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub(crate) struct PageViewProps {
    pub(crate) page: Page,
}

/// The page of the address.
#[component]
pub(crate) fn PageView(props: &PageViewProps) -> Html {
    match props.page {
        Page::Dashboard => html! { <ClusterMap /> },
        Page::Explore | Page::Nodes | Page::Pods | Page::Controllers | Page::Services | Page::Events => html! {},
    }
}
