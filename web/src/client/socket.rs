//! A watch over a WebSocket, one event a message, as Kubernetes offers it.
//!
//! Not over `fetch`: a browser keeps six connections to a server at most, and a page watches more kinds than that.

use super::http::{self, Failure};
use wasm_bindgen::prelude::*;
use web_sys::{CloseEvent, MessageEvent, Url, WebSocket};

/// The protocol spoken, and that which carries a token: a page cannot send other headers with a WebSocket.
const PROTOCOL: &str = "base64.binary.k8s.io";
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// An open watch. Ends when dropped, and is silent from then on.
pub(super) struct Socket {
    inner: WebSocket,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onmessage(None);
        self.inner.set_onclose(None);
        // It may be closed already.
        let _ = self.inner.close();
    }
}

/// The address of a path of the API, which lies beside the page.
fn address(path: &str, query: &str) -> Option<String> {
    let page = web_sys::window()?.location().href().ok()?;
    let url = Url::new_with_base(&format!("..{path}?{query}"), &page).ok()?;
    url.set_protocol(if url.protocol() == "https:" { "wss:" } else { "ws:" });
    url.set_hash("");
    Some(url.href())
}

/// The token as one of the protocols that the page offers.
fn token_protocol(token: &str) -> Option<String> {
    let encoded = web_sys::window()?.btoa(token).ok()?;
    Some(format!("{TOKEN_PROTOCOL}{}", encoded.trim_end_matches('=').replace('+', "-").replace('/', "_")))
}

impl Socket {
    /// Opens a watch. `on_close` says whether it ended in order.
    pub(super) fn open(
        path: &str,
        query: &str,
        mut on_message: impl FnMut(String) + 'static,
        mut on_close: impl FnMut(bool) + 'static,
    ) -> Result<Self, Failure> {
        let address = address(path, query).ok_or(Failure::Unreachable)?;
        let socket = match http::token().and_then(|token| token_protocol(&token)) {
            Some(token) => {
                WebSocket::new_with_str_sequence(&address, &js_sys::Array::of2(&PROTOCOL.into(), &token.into()))
            }
            None => WebSocket::new(&address),
        };
        let socket = socket.map_err(|_| Failure::Unreachable)?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                on_message(text);
            }
        });
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| on_close(event.was_clean()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { inner: socket, _on_message: on_message, _on_close: on_close })
    }
}
