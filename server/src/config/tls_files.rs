//! The files with which an engine and the server know each other: found, read and held against each other beforehand.

use crate::tls::pem;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};

/// Files for mutual TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate of the authority that signed the engine's.
    pub ca: PathBuf,
    /// Certificate to show the engine.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Whether they can be used at all. The error names the option, the file and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.client().map(drop)
    }

    /// How to speak TLS with the engine.
    pub fn client(&self) -> Result<ClientConfig, String> {
        let wrong = |option: &str, path: &Path, what: &str| format!("{option}={}: {what}", path.display());
        let mut authorities = RootCertStore::empty();
        for certificate in pem::certificates(&self.ca).map_err(|e| wrong("ca", &self.ca, &e))? {
            let added = authorities.add(certificate);
            added.map_err(|e| wrong("ca", &self.ca, &format!("not a certificate that can be used: {e}")))?;
        }
        let shown = pem::certificates(&self.cert).map_err(|e| wrong("cert", &self.cert, &e))?;
        let key = pem::key(&self.key).map_err(|e| wrong("key", &self.key, &e))?;
        ClientConfig::builder()
            .with_root_certificates(authorities)
            .with_client_auth_cert(shown, key)
            .map_err(|e| wrong("key", &self.key, &format!("does not go with cert={}: {e}", self.cert.display())))
    }
}
