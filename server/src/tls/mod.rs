//! The TLS that the server speaks: with a certificate of its own making, or with one that it is given; looked at again
//! from time to time, so that it is renewed without a restart.

mod authority;
pub(crate) mod pem;

pub use authority::{AUTHORITY_FILE, LIFETIME, RENEW_BEFORE, certificate};

use crate::config::ServingTls;
use crate::failure::Failure;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tracing::{info, warn};

/// How often the certificate is looked at while the server runs.
const LOOK: Duration = Duration::from_hours(1);

/// Where the newest settings of TLS are taken from for each connection.
pub type Current = watch::Receiver<Arc<ServerConfig>>;

/// A certificate, those that lead from it to its authority, and its key.
#[derive(Debug)]
pub struct Shown {
    /// The certificate itself comes first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// What the server shows, kept up to date.
#[derive(Debug)]
pub struct Keeper {
    settings: ServingTls,
    chain: Vec<CertificateDer<'static>>,
    sender: watch::Sender<Arc<ServerConfig>>,
}

impl Keeper {
    /// Reads what is to be shown, or makes it. Errors name the file.
    pub fn new(settings: ServingTls) -> Result<(Self, Current), Failure> {
        let shown = read(&settings)?;
        let chain = shown.chain.clone();
        let (sender, receiver) = watch::channel(Arc::new(config(&settings, shown)?));
        Ok((Self { settings, chain, sender }, receiver))
    }

    /// Looks again from time to time, for as long as somebody takes connections. What cannot be used is told, and what
    /// was shown before goes on being shown.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.sender.closed() => return,
            }
            match self.look() {
                Ok(true) => info!("clients are shown a new certificate from now on"),
                Ok(false) => {}
                Err(error) => warn!(%error, "the certificate cannot be renewed"),
            }
        }
    }

    /// Whether there was something new to show.
    fn look(&mut self) -> Result<bool, Failure> {
        let shown = read(&self.settings)?;
        if shown.chain == self.chain {
            return Ok(false);
        }
        let chain = shown.chain.clone();
        self.sender.send_replace(Arc::new(config(&self.settings, shown)?));
        self.chain = chain;
        Ok(true)
    }
}

fn read(settings: &ServingTls) -> Result<Shown, Failure> {
    match settings {
        ServingTls::Own { directory, names } => certificate(directory, names, SystemTime::now()),
        ServingTls::Files { cert, key } => {
            let wrong = |flag: &str, path: &Path, what: String| {
                Failure::usage(format!("--tls-{flag}: {}: {what}", path.display()))
            };
            Ok(Shown {
                chain: pem::certificates(cert).map_err(|e| wrong("cert", cert, e))?,
                key: pem::key(key).map_err(|e| wrong("key", key, e))?,
            })
        }
    }
}

fn config(settings: &ServingTls, shown: Shown) -> Result<ServerConfig, Failure> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Failure::running(format!("no TLS to be spoken: {e}")))?;
    let mut config = builder.with_no_client_auth().with_single_cert(shown.chain, shown.key).map_err(|e| {
        Failure::usage(match settings {
            ServingTls::Own { directory, .. } => {
                format!("the certificate in {} is of no use: {e}", directory.display())
            }
            ServingTls::Files { cert, key } => {
                format!("--tls-key: {} does not go with the certificate in {}: {e}", key.display(), cert.display())
            }
        })
    })?;
    // WebSockets and SPDY begin as HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
