//! HTTP: carries requests to the control plane and answers back, and serves the dashboard. Decides nothing about
//! objects.

mod api;
mod body;
mod clock;
mod forward;
mod group;
mod guard;
mod health;
mod hosts;
mod interventions;
mod limits;
mod listener;
mod logs;
mod machines;
mod problem;
mod protobuf;
mod remote;
mod ui;
mod usage;
mod watch;

pub use guard::Access;
pub use limits::Limits;
pub use listener::serve;

use crate::docker::Hosts;
use crate::driver::DriverHandle;
use crate::metrics::Metrics;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch as signal;

/// What every handler can reach. Each request takes clones along, so they are but one pointer.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

impl App {
    /// Of its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The control plane.
    pub driver: DriverHandle,
    /// The Docker hosts; none where the cluster is simulated.
    pub hosts: Option<Hosts>,
    /// Who may ask.
    pub access: Access,
    /// How often.
    pub limits: Limits,
    /// The server's own counters.
    pub metrics: Arc<Metrics>,
    /// Turns true when the server is on its way out.
    pub stopping: signal::Receiver<bool>,
}

/// All paths of the server. What is not its own belongs to the Kubernetes API.
pub fn router(app: App) -> Router {
    let own = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/apis/kubarium.io/v1/info", get(group::info))
        .route("/apis/kubarium.io/v1/clock", get(clock::read).patch(clock::change))
        // The one clock has a name as well: kubectl asks for objects by name.
        .route("/apis/kubarium.io/v1/clock/clock", get(clock::read).patch(clock::change))
        .route("/apis/kubarium.io/v1/clock/step", post(clock::step))
        .route("/apis/kubarium.io/v1/interventions", post(interventions::create))
        .route("/apis/kubarium.io/v1/machines", get(machines::list))
        .route("/apis/kubarium.io/v1/dockerhosts", get(hosts::list).post(hosts::create))
        .route("/apis/kubarium.io/v1/dockerhosts/{name}", get(hosts::read).delete(hosts::delete))
        .route_layer(from_fn(guard::own));
    Router::new()
        .route("/", get(ui::root))
        .route("/ui", get(ui::root))
        .merge(ui::routes())
        .route("/healthz", get(health::live))
        .route("/healthz/ping", get(health::live))
        .route("/livez", get(health::live))
        .route("/livez/ping", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/readyz/ping", get(health::live))
        .route("/apis", get(group::discovery))
        .route("/apis/kubarium.io/v1", get(group::discovery))
        .merge(own)
        .method_not_allowed_fallback(problem::wrong_method)
        .fallback(api::handle)
        .layer(from_fn_with_state(app.clone(), guard::check))
        .layer(from_fn_with_state(app.clone(), health::observe))
        .with_state(app)
}
