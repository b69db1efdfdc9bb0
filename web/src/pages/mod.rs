//! The pages and the inspector: plain functions of feed and address.
//!
//! Pages never keep what is selected, filtered or sorted: the address does. They change the cluster only through
//! [`crate::client::Session::change`] (with the way back) or, in a simulation, through its control.

mod ask;
mod charts;
mod controllers;
mod create;
mod events;
mod explore;
mod filter;
mod hosts;
mod inspector;
mod list;
mod nodes;
mod pods;
mod scenarios;
mod services;

pub(crate) use create::Create;
pub(crate) use inspector::Inspector;
pub(crate) use scenarios::{Scenarios, scenario_title};

use crate::client::use_session;
use crate::map::ClusterMap;
use crate::state::{Connection, Page, World, use_feed};
use list::List;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub(crate) struct PageViewProps {
    pub(crate) page: Page,
}

/// The page of the address.
#[component]
pub(crate) fn PageView(props: &PageViewProps) -> Html {
    match props.page {
        Page::Dashboard => html! { <Dashboard /> },
        Page::Explore => html! { <explore::Explore /> },
        Page::Nodes => html! { <nodes::Nodes /> },
        Page::Pods => html! { <List key="pods" of={&pods::LISTING} /> },
        Page::Controllers => html! { <List key="controllers" of={&controllers::LISTING} /> },
        Page::Services => html! { <List key="services" of={&services::LISTING} /> },
        Page::Events => html! { <List key="events" of={&events::LISTING} /> },
    }
}

/// The map and the charts; of a live cluster without nodes, how it comes by them.
#[component]
fn Dashboard() -> Html {
    let session = use_session();
    let feed = use_feed(400);
    let bare = session.world == World::Live
        && session.client.control().is_none()
        && feed.connection() == Connection::Fresh
        && feed.rows().nodes().next().is_none();
    html! {
        if bare {
            <hosts::FirstHost />
        } else {
            <div class="dashboard"><ClusterMap /><charts::Charts /></div>
        }
    }
}
