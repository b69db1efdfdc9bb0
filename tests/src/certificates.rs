//! Authorities and certificates, made on the spot.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Somebody who signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The files of one party, all PEM.
#[derive(Debug)]
pub struct Files {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// Its own.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self, rcgen::Error> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut params = CertificateParams::default();
        // Two of one name would be taken for the same.
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Writes the certificate of somebody with that name or address, its key and the authority's own certificate.
    pub fn issue(&self, directory: &Path, name: &str) -> std::io::Result<Files> {
        let mut params = CertificateParams::new([name.to_owned()]).map_err(std::io::Error::other)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(std::io::Error::other)?;
        let cert = params.signed_by(&key, &self.issuer).map_err(std::io::Error::other)?;
        std::fs::create_dir_all(directory)?;
        let file = |leaf: &str, text: &str| {
            let path = directory.join(leaf);
            std::fs::write(&path, text).map(|()| path)
        };
        Ok(Files {
            ca: file("ca.pem", &self.pem)?,
            cert: file("cert.pem", &cert.pem())?,
            key: file("key.pem", &key.serialize_pem())?,
        })
    }
}

impl Files {
    /// As the options of an endpoint.
    pub fn options(&self) -> String {
        format!("ca={}&cert={}&key={}", self.ca.display(), self.cert.display(), self.key.display())
    }
}
