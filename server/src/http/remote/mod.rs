//! The ways into pods over the connection of a request: commands, attached containers, ports.
//!
//! A client asks for WebSocket or, as the older ones do, for SPDY; what it wants is the same. [`upgrade`] finds out what
//! it speaks, [`channels`] and [`streams`] make of either a [`client::Client`], and [`command`] lets that talk with a
//! process. [`ports`] passes bytes between a client and the ports of a pod, over SPDY, SPDY in a WebSocket
//! ([`tunnel`]), or the WebSocket's own channels. Every queue is bounded: who does not read makes the other end wait.

mod channels;
mod client;
mod command;
mod ports;
mod status;
mod streams;
mod tunnel;
mod upgrade;

pub(super) use upgrade::Upgrade;

use super::{App, problem};
use crate::docker::Hosts;
use crate::spdy::Connection;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::Response;
use channels::Form;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::{ExecQuery, PortForwardQuery};
use kubarium_core::sim::nothing_inside;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch as signal};
use tracing::debug;

/// How many of them there are at once.
const SESSIONS_MAX: usize = 1_024;

/// How long the client may take to open the streams it wants.
const STREAMS_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest message a client may send over a WebSocket.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

static SESSIONS: Semaphore = Semaphore::const_new(SESSIONS_MAX);

/// Lets a client talk with a process in a container.
pub(super) fn exec(app: &App, query: ExecQuery, upgrade: Upgrade) -> Response {
    let (place, permit) = match begin(app) {
        Ok(begun) => begun,
        Err(refusal) => return *refusal,
    };
    match upgrade {
        Upgrade::WebSocket(socket) => exec_over_websocket(place, query, socket, permit),
        Upgrade::Spdy { upgrade, offered } => {
            let version = match upgrade::choose(&offered, &streams::VERSIONS) {
                Ok(version) => version,
                Err(refusal) => return *refusal,
            };
            if let Some(why) = command::refusal(&query) {
                return upgrade::plain(StatusCode::INTERNAL_SERVER_ERROR, why);
            }
            spawn(permit, async move {
                let Some(mut connection) = connection(upgrade).await else { return };
                let opened = tokio::time::timeout(STREAMS_TIMEOUT, streams::client(&mut connection, &query, version));
                if let Ok(Some(client)) = opened.await {
                    command::run(&place, &query, client).await;
                } else {
                    debug!("a client did not open the streams it asked for");
                }
                connection.end().await;
            });
            upgrade::spdy(version)
        }
        Upgrade::None => upgrade::required(),
    }
}

fn exec_over_websocket(
    place: Place,
    query: ExecQuery,
    socket: WebSocketUpgrade,
    permit: SemaphorePermit<'static>,
) -> Response {
    let (socket, form) = match channels::choose(socket, &channels::COMMAND_FORMS) {
        Ok(chosen) => chosen,
        Err(refusal) => return *refusal,
    };
    let refusal = command::refusal(&query);
    // Clients of the newest protocol are told over it; earlier ones instead of it.
    if let (Some(why), false) = (&refusal, form.closes) {
        return upgrade::plain(StatusCode::INTERNAL_SERVER_ERROR, why.clone());
    }
    socket.on_upgrade(move |socket| async move {
        let _permit = permit;
        let (client, carrier) = channels::client(socket, form, &query);
        match refusal {
            Some(why) => command::refuse(client, &why).await,
            None => command::run(&place, &query, client).await,
        }
        carrier.end().await;
    })
}

/// Lets a client talk with the ports of a pod.
pub(super) fn port_forward(app: &App, query: PortForwardQuery, upgrade: Upgrade) -> Response {
    let (place, permit) = match begin(app) {
        Ok(begun) => begun,
        Err(refusal) => return *refusal,
    };
    match upgrade {
        Upgrade::WebSocket(socket) => {
            if tunnel::wanted(&socket) {
                let socket = match tunnel::accept(socket) {
                    Ok(socket) => socket,
                    Err(refusal) => return *refusal,
                };
                return socket.on_upgrade(move |socket| async move {
                    let _permit = permit;
                    ports::over_spdy(&place, &query, Connection::serve(tunnel::bytes(socket))).await;
                });
            }
            if query.ports.is_empty() {
                let why = "query parameter \"ports\" is required";
                return problem::status(400, Reason::BadRequest, why);
            }
            let (socket, form) = match channels::choose(socket, &channels::PORT_FORMS) {
                Ok(chosen) => chosen,
                Err(refusal) => return *refusal,
            };
            socket.on_upgrade(move |socket| async move {
                let _permit = permit;
                ports::over_channels(&place, &query, socket, form).await;
            })
        }
        Upgrade::Spdy { upgrade, offered } => {
            let version = match upgrade::choose(&offered, &[ports::VERSION]) {
                Ok(version) => version,
                Err(refusal) => return *refusal,
            };
            spawn(permit, async move {
                let Some(connection) = connection(upgrade).await else { return };
                ports::over_spdy(&place, &query, connection).await;
            });
            upgrade::spdy(version)
        }
        Upgrade::None => upgrade::required(),
    }
}

/// Where pods are, and leave to begin.
fn begin(app: &App) -> Result<(Place, SemaphorePermit<'static>), Box<Response>> {
    let hosts = app.hosts.clone().ok_or_else(|| Box::new(problem::of(&nothing_inside())))?;
    let permit = SESSIONS.try_acquire().map_err(|_| {
        let why = format!("{SESSIONS_MAX} connections into pods are open; end some of them");
        Box::new(problem::status(429, Reason::TooManyRequests, why))
    })?;
    Ok((Place { hosts, stopping: app.stopping.clone() }, permit))
}

/// Where pods are, and until when they can be reached.
#[derive(Clone, Debug)]
struct Place {
    hosts: Hosts,
    stopping: signal::Receiver<bool>,
}

fn spawn(permit: SemaphorePermit<'static>, session: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        let _permit = permit;
        session.await;
    });
}

async fn connection(upgrade: OnUpgrade) -> Option<Connection> {
    match tokio::time::timeout(STREAMS_TIMEOUT, upgrade).await {
        Ok(Ok(upgraded)) => Some(Connection::serve(TokioIo::new(upgraded))),
        _ => None,
    }
}

/// Channels of a WebSocket in the order of the protocol.
const fn form(version: u8, base64: bool) -> Form {
    Form { json: version >= 4, closes: version >= 5, base64 }
}
