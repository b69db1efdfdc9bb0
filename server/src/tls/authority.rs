//! An authority of the server's own: made once, kept in a directory, it signs the certificate that the server shows.
//!
//! Clients trust the authority, so a certificate can be renewed without telling them.

use super::{Shown, pem};
use crate::failure::Failure;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tracing::info;

/// Name of the file with the authority's certificate, which clients need.
pub const AUTHORITY_FILE: &str = "ca.crt";
const AUTHORITY_KEY_FILE: &str = "ca.key";
const CERTIFICATE_FILE: &str = "server.crt";
const KEY_FILE: &str = "server.key";

const DAY: Duration = Duration::from_hours(24);

/// How long a certificate holds. Browsers take none that holds for more than 398 days.
pub const LIFETIME: Duration = DAY.saturating_mul(365);

/// How long before its end a certificate is renewed.
pub const RENEW_BEFORE: Duration = DAY.saturating_mul(30);

/// Clients' clocks may be slow by so much.
const SKEW: Duration = Duration::from_hours(1);

/// The certificate for these names and addresses: the one in the directory, or a new one where that is missing, ends
/// soon or is for others.
///
/// # Errors
/// Where the directory cannot be used, or the authority in it is not whole; with the file's name.
pub fn certificate(directory: &Path, names: &BTreeSet<String>, now: SystemTime) -> Result<Shown, Failure> {
    let files = Files(directory);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|e| files.wrong("", e))?;
    // Servers that share the directory do not make two authorities.
    let _lock = File::open(directory).and_then(|dir| dir.lock().map(|()| dir)).map_err(|e| files.wrong("", e))?;
    let authority = Authority::open(&files)?;
    if let Some(shown) = files.shown()
        && authority.answers_for(&shown, names, now + RENEW_BEFORE).is_ok()
    {
        return Ok(shown);
    }
    authority.issue(&files, names, now)?;
    let shown = files.shown().ok_or_else(|| files.wrong(CERTIFICATE_FILE, "cannot be read again"))?;
    authority.answers_for(&shown, names, now + RENEW_BEFORE).map_err(|e| {
        files.wrong(
            AUTHORITY_FILE,
            format!("certificates that are signed with {AUTHORITY_KEY_FILE} are refused by it ({e}); {REMEDY}"),
        )
    })?;
    info!(directory = %directory.display(), ?names, "made a certificate to serve with");
    Ok(shown)
}

const REMEDY: &str = "remove the directory to have a new authority made, and give clients a new kubeconfig";

/// The files of an authority and of the server.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn wrong(&self, name: &str, what: impl Display) -> Failure {
        let path = if name.is_empty() { self.0.to_owned() } else { self.path(name) };
        Failure::usage(format!("--tls: {}: {what}", path.display()))
    }

    /// What the server shows, where it is there and whole.
    fn shown(&self) -> Option<Shown> {
        let chain = pem::certificates(&self.path(CERTIFICATE_FILE)).ok()?;
        Some(Shown { chain, key: pem::key(&self.path(KEY_FILE)).ok()? })
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), Failure> {
        let write = || {
            // A new file, so that nobody who may read an older one can read this.
            let partial = self.path(&format!("{name}.partial"));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&partial)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
            fs::rename(&partial, self.path(name))
        };
        write().map_err(|e| self.wrong(name, e))
    }
}

/// Who signs. Its name is made from its key, so that no two are taken for each other.
struct Authority {
    key: KeyPair,
    name: DistinguishedName,
    trusted: Arc<RootCertStore>,
}

impl Authority {
    /// The authority of a directory; a new one where there is none.
    fn open(files: &Files<'_>) -> Result<Self, Failure> {
        let (key_path, path) = (files.path(AUTHORITY_KEY_FILE), files.path(AUTHORITY_FILE));
        let key = if key_path.exists() {
            let text = fs::read_to_string(&key_path).map_err(|e| files.wrong(AUTHORITY_KEY_FILE, e))?;
            KeyPair::from_pem(&text)
                .map_err(|e| files.wrong(AUTHORITY_KEY_FILE, format!("no private key in it ({e}); {REMEDY}")))?
        } else if path.exists() {
            return Err(files.wrong(AUTHORITY_KEY_FILE, format!("is missing; {REMEDY}")));
        } else {
            let key = KeyPair::generate().map_err(|e| files.wrong(AUTHORITY_KEY_FILE, e))?;
            files.write(AUTHORITY_KEY_FILE, &key.serialize_pem(), 0o600)?;
            key
        };
        let mut name = DistinguishedName::new();
        let identifier = CertificateParams::default().key_identifier(&key);
        name.push(DnType::CommonName, format!("kubarium {}", crate::hex::hex(&identifier[..identifier.len().min(8)])));
        if !path.exists() {
            let certificate = own_certificate(&key, &name).map_err(|e| files.wrong(AUTHORITY_FILE, e))?;
            files.write(AUTHORITY_FILE, &certificate.pem(), 0o644)?;
        }
        let wrong = |what: String| files.wrong(AUTHORITY_FILE, format!("{what}; {REMEDY}"));
        let mut trusted = RootCertStore::empty();
        for certificate in pem::certificates(&path).map_err(wrong)? {
            trusted.add(certificate).map_err(|e| wrong(e.to_string()))?;
        }
        Ok(Self { key, name, trusted: Arc::new(trusted) })
    }

    /// Whether clients that trust the authority take what is shown for each of these names, at that time.
    fn answers_for(&self, shown: &Shown, names: &BTreeSet<String>, at: SystemTime) -> Result<(), rustls::Error> {
        let other = |e: &dyn Display| rustls::Error::General(e.to_string());
        let provider = ring::default_provider();
        CertifiedKey::from_der(shown.chain.clone(), shown.key.clone_key(), &provider)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.trusted), Arc::new(provider))
            .build()
            .map_err(|e| other(&e))?;
        let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        let none: &[CertificateDer<'_>] = &[];
        let (first, others) = shown.chain.split_first().map_or((None, none), |(first, others)| (Some(first), others));
        let first = first.ok_or(rustls::Error::NoCertificatesPresented)?;
        for name in names {
            let name = ServerName::try_from(name.as_str()).map_err(|e| other(&e))?;
            verifier.verify_server_cert(first, others, &name, &[], at)?;
        }
        Ok(())
    }

    fn issue(&self, files: &Files<'_>, names: &BTreeSet<String>, now: SystemTime) -> Result<(), Failure> {
        let (key, certificate) = self.sign(names, now).map_err(|e| files.wrong(CERTIFICATE_FILE, e))?;
        files.write(KEY_FILE, &key.serialize_pem(), 0o600)?;
        files.write(CERTIFICATE_FILE, &certificate.pem(), 0o644)
    }

    fn sign(&self, names: &BTreeSet<String>, now: SystemTime) -> Result<(KeyPair, Certificate), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "kubarium");
        params.not_before = (now - SKEW).into();
        params.not_after = (now + LIFETIME).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &Issuer::new(authority_params(&self.name), &self.key))?;
        Ok((key, certificate))
    }
}

fn authority_params(name: &DistinguishedName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name.clone();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    // As RFC 5280 writes that there is no end.
    params.not_after = date_time_ymd(9999, 12, 31);
    params
}

fn own_certificate(key: &KeyPair, name: &DistinguishedName) -> Result<Certificate, rcgen::Error> {
    authority_params(name).self_signed(key)
}
