//! The access token: made once, kept in a file that only its owner can read, compared in constant time.

use crate::config::{DATA_DIR_HELP, default_data_dir};
use crate::failure::Failure;
use clap::Args;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// Name of the token's file in a data directory.
pub const TOKEN_FILE: &str = "token";

const TOKEN_BYTES: usize = 32;

/// Flags of `kubarium token`.
#[derive(Args, Debug)]
pub struct TokenArguments {
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP)]
    data_dir: Option<PathBuf>,
}

/// A secret that lets its bearer use the API. Never shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a token from a file that holds nothing else.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::usage(format!("cannot read the token file {}: {e}", path.display())))?;
        let token = text.trim();
        if token.len() < 16 || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::usage(format!(
                "the token file {} must hold one token of at least 16 printable characters; \
                 remove it and run `kubarium token` for a new one",
                path.display()
            )));
        }
        Ok(Self(token.to_owned()))
    }

    /// Reads the data directory's token; makes one where there is none.
    pub fn read_or_make(data_dir: &Path) -> Result<Self, Failure> {
        let path = data_dir.join(TOKEN_FILE);
        if path.exists() {
            return Self::read(&path);
        }
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|e| Failure::running(format!("no random numbers to be had: {e}")))?;
        let token = crate::hex::hex(&bytes);
        write_private(&path, &token)
            .map_err(|e| Failure::usage(format!("cannot write the token file {}: {e}", path.display())))?;
        Ok(Self(token))
    }

    /// Whether `given` is this token. Takes the same time wherever they differ.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The secret itself, to be handed to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn write_private(path: &Path, token: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{token}")
}

/// `kubarium token`.
pub fn run(arguments: &TokenArguments) -> Result<(), Failure> {
    let dir = match &arguments.data_dir {
        Some(dir) => dir.clone(),
        None => default_data_dir()?,
    };
    let token = Token::read_or_make(&dir)?;
    println!("{}", token.reveal());
    Ok(())
}
